"""Preparing a log that is larger than memory: the same steps, the same bytes, part by part.

1. Read the log in pieces and deal its users to parts on disk.
2. Take the steps on the parts.
3. Merge what trains and what tests, each in order of time, and write it as `PreparedData.save` does.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import NamedTuple

import polars as pl

from models.preparation.click_counts import ClickCounts, count_clicks
from models.preparation.click_log import Columns, ParquetClicks
from models.preparation.click_parts import ROW, Part, among, working_columns
from models.preparation.item_catalogue import CatalogueCoverage, catalogue_coverage
from models.preparation.parts_on_disk import CLICKS_AT_ONCE, PartsOnDisk
from models.preparation.prepared_data import (
    CLICK_SCHEMA,
    PREPARED_FILE,
    Description,
    write_catalogue,
    write_clicks,
    write_description,
)
from models.preparation.preparing import describe
from models.preparation.step_config import Step
from models.preparation.steps import Preparing, take_steps
from models.preparation.timestamps import TimestampUnit

# From so many clicks on a log goes through the disk; below, it takes a few gigabytes of memory and half the time.
LARGE_LOG_CLICKS = 10_000_000
_WORKING = ".preparing-"


class PreparedFolder(NamedTuple):
    """What was written."""

    description: Description
    train: ClickCounts
    test: ClickCounts
    catalogue: CatalogueCoverage | None


def prepare_large_log(
    path: Path,
    columns: Columns,
    timestamp_unit: TimestampUnit,
    steps: Sequence[Step],
    out: Path,
    *,
    catalogue: pl.DataFrame | None = None,
    clicks_at_once: int = CLICKS_AT_ONCE,
) -> PreparedFolder:
    """Make a log ready to train on without ever holding it in memory.

    Args:
        path: A Parquet file, or a folder of them, in the order of their names.
        columns: What it calls its columns.
        timestamp_unit: How it tells the time.
        steps: What to do.
        out: Where the prepared data goes; what is worked on lies there meanwhile, some 60 bytes a click.
        catalogue: What is known of the items.
        clicks_at_once: How many clicks are in memory, roughly.

    Raises:
        DataError: If the log cannot be read, nothing is left of it, or the catalogue describes none of its items.
    """
    log = ParquetClicks(path, columns, timestamp_unit)
    out.mkdir(parents=True, exist_ok=True)
    (out / PREPARED_FILE).unlink(missing_ok=True)
    write_catalogue(out, catalogue)
    for left in out.glob(f"{_WORKING}*"):
        # A preparation that was killed could not clear up: some 60 bytes a click.
        rmtree(left)
    with TemporaryDirectory(prefix=_WORKING, dir=out) as working:
        count = max(1, -(-log.records // clicks_at_once))
        parts = PartsOnDisk.deal(_numbered(log, clicks_at_once), "user_id", Path(working), count)
        taken = take_steps(Preparing(path.name.split(".")[0], parts, log.malformed_steps()), steps)
        counts: dict[Part, ClickCounts] = {
            "train": count_clicks(taken.clicks, "train"),
            "test": count_clicks(taken.clicks, "test"),
        }
        _write_merged(parts, out, Path(working), counts, clicks_at_once)
    description = describe(taken, steps, exclude_seen=False)
    covers = None if catalogue is None else catalogue_coverage(catalogue, pl.scan_parquet(out / "train.parquet"))
    write_description(out, description)
    return PreparedFolder(description, counts["train"], counts["test"], covers)


def is_large(path: Path, columns: Columns) -> bool:
    """Tell whether a log had better not be prepared in memory: only Parquet can be read piece by piece."""
    is_parquet = path.is_dir() or path.suffix == ".parquet"
    return is_parquet and ParquetClicks(path, columns).records >= LARGE_LOG_CLICKS


def _numbered(log: ParquetClicks, clicks_at_once: int) -> Iterator[pl.DataFrame]:
    first_row = 0
    for clicks in log.pieces(clicks_at_once):
        yield working_columns(clicks, first_row)
        first_row += clicks.height


def _write_merged(
    parts: PartsOnDisk, out: Path, working: Path, counts: dict[Part, ClickCounts], clicks_at_once: int
) -> None:
    """Write `train.parquet` and `test.parquet` from the parts, in order of time."""
    pieces: dict[Part, list[Path]] = {"train": [], "test": []}
    for number, clicks in enumerate(parts.merge("timestamp_ms", ROW, clicks_at_once)):
        for part, paths in pieces.items():
            paths.append(working / f"{part}-{number:06}.parquet")
            clicks.filter(among(part)).select(CLICK_SCHEMA.names()).write_parquet(paths[-1], compression="lz4")
    for part, paths in pieces.items():
        write_clicks(pl.scan_parquet(paths), counts[part].clicks, out / f"{part}.parquet")
