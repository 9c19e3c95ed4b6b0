"""SYNTHETIC click logs of any length, for finding out what a large one costs: no real data.

A log is a folder of Parquet files of a million clicks each, made one by one: file n follows from the seed and n. Users
visit for five clicks on average, some half a minute apart; few users and few items make most of the clicks. A visit
stays near the item that it began with. Files overlap in time as servers' logs do: clicks are not sorted.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from models.bounds import AtLeastOne, AtLeastZero, Positive
from models.preparation.timestamps import ORDER_START_MS

CLICKS_IN_FILE = 1_000_000
_MEAN_VISIT = 5
_MS_BETWEEN_CLICKS = 30_000.0
_MS_PER_DAY = 24 * 3_600_000
# A number below 1 to this power: half of the clicks go to the first eighth of the users and items.
_CONCENTRATION = 3.0
_NEIGHBOURHOOD = 10


class GeneratorConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How large a log is.

    Attributes:
        clicks: In all files together.
        users: Who may click.
        items: What may be clicked.
        days: How long it lasts.
        seed: Of everything.
    """

    clicks: AtLeastOne = 1_000_000
    users: AtLeastOne = 100_000
    items: AtLeastOne = 20_000
    days: Positive = 30.0
    seed: AtLeastZero = 0


def generate_clicks(config: GeneratorConfig) -> Iterator[pl.DataFrame]:
    """Yield the log file by file: user_id, item_id, timestamp_ms."""
    files = -(-config.clicks // CLICKS_IN_FILE)
    for number in range(files):
        clicks = min(CLICKS_IN_FILE, config.clicks - number * CLICKS_IN_FILE)
        yield _generate_file(config, number, files, clicks)


def write_click_log(config: GeneratorConfig, folder: Path) -> int:
    """Write the log into a folder; return how many files it has."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    for number, clicks in enumerate(generate_clicks(config), start=1):
        clicks.write_parquet(folder / f"clicks-{number:05}.parquet")
    return number


def _generate_file(config: GeneratorConfig, number: int, files: int, clicks: int) -> pl.DataFrame:
    generator = np.random.default_rng([config.seed, number])
    # Some visits too many: the last ones are cut off.
    length = generator.geometric(1 / _MEAN_VISIT, size=clicks // (_MEAN_VISIT - 1) + 10)
    visits = int(np.searchsorted(np.cumsum(length), clicks)) + 1
    length = length[:visits]
    visit = np.repeat(np.arange(visits), length)[:clicks]
    begin_ms = (number + generator.random(visits)) / files * config.days * _MS_PER_DAY
    waited_ms = np.cumsum(generator.exponential(_MS_BETWEEN_CLICKS, size=clicks))
    first_of_visit = np.searchsorted(visit, np.arange(visits))
    since_begin_ms = waited_ms - waited_ms[first_of_visit][visit]
    user = (config.users * generator.random(visits) ** _CONCENTRATION).astype(np.int64)[visit]
    start = config.items * generator.random(visits) ** _CONCENTRATION
    item = (start[visit] + generator.integers(0, _NEIGHBOURHOOD, size=clicks)).astype(np.int64) % config.items
    table = pl.DataFrame({"user": user, "item": item, "at": begin_ms[visit] + since_begin_ms})
    return table.select(
        user_id=pl.format("user-{}", "user"),
        item_id=pl.format("item-{}", "item"),
        timestamp_ms=pl.col("at").cast(pl.Int64) + ORDER_START_MS,
    )
