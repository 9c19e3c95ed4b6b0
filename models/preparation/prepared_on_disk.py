"""Prepared data that stays on disk: what `load_prepared_data` reads, for tables that do not fit into memory.

Its clicks are dealt to parts, all of a user to the same, and go through the steps that a table in memory goes through.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple

import polars as pl

from models.errors import DataError
from models.preparation.click_parts import IS_TEST, ROW
from models.preparation.parts_on_disk import CLICKS_AT_ONCE, PartsOnDisk
from models.preparation.prepared_data import CLICK_SCHEMA, Description, load_catalogue, load_description

Table = Literal["train", "test"]


class JudgedClicks(NamedTuple):
    """Test clicks of some users, all that they have.

    Attributes:
        clicks: `CLICK_SCHEMA`, in order of time.
        history: The same of the training clicks that users are stepped through before, see `PreparedData.test_history`.
            None: they begin with nothing.
    """

    clicks: pl.DataFrame
    history: pl.DataFrame | None


@dataclass(frozen=True)
class PreparedOnDisk:
    """Prepared data, its clicks on disk.

    Attributes:
        description: What it is.
        catalogue: What is known of its items, in memory.
        folder: Where its tables are.
        working: An existing folder to work in, some 100 bytes a click; whoever made it empties it.
        clicks_at_once: How many clicks are in memory, roughly.
        held_out: Items whose training clicks are passed over.
    """

    description: Description
    catalogue: pl.DataFrame | None
    folder: Path
    working: Path
    clicks_at_once: int = CLICKS_AT_ONCE
    held_out: frozenset[str] = frozenset()

    @property
    def click_count(self) -> int:
        """How many clicks the files have, without reading them."""
        return count_clicks_of(self.folder / "train.parquet") + self.test_click_count

    @property
    def test_click_count(self) -> int:
        """How many test clicks there are, without reading them."""
        return count_clicks_of(self.folder / "test.parquet")

    @property
    def test_has_history(self) -> bool:
        """Whether test sessions go on with training clicks."""
        return self.description.protocol == "last-click"

    def clicks_by_item(self, table: Table) -> pl.DataFrame:
        """Count a file's clicks on each item: item_id and `len`."""
        counted = pl.scan_parquet(self.folder / f"{table}.parquet").group_by("item_id").len()
        return counted.collect(engine="streaming")

    @contextmanager
    def dealt_training_clicks(self) -> Iterator[PartsOnDisk]:
        """Yield the training clicks in parts that go with the block; none of them tests."""
        with self._dealt(("train",)) as parts:
            yield parts

    @contextmanager
    def dealt_test_clicks(self) -> Iterator[PartsOnDisk]:
        """Yield the test clicks in parts that go with the block.

        The training clicks are among them, before them, where test sessions have a history.
        """
        with self._dealt(("train", "test") if self.test_has_history else ("test",)) as parts:
            yield parts

    def judged_clicks(self, limit: int) -> Iterator[JudgedClicks]:
        """Yield so many of the first test clicks, part by part."""
        first_row = count_clicks_of(self.folder / "train.parquet") if self.test_has_history else 0
        is_judged = pl.col(IS_TEST) & (pl.col(ROW) < first_row + limit)
        columns = CLICK_SCHEMA.names()
        with self.dealt_test_clicks() as parts:
            for part in parts:
                history = part.filter(~pl.col(IS_TEST)).select(columns) if self.test_has_history else None
                yield JudgedClicks(part.filter(is_judged).select(columns), history)

    @contextmanager
    def _dealt(self, tables: Sequence[Table]) -> Iterator[PartsOnDisk]:
        counts = [count_clicks_of(self.folder / f"{table}.parquet") for table in tables]
        firsts = [sum(counts[:number]) for number in range(len(tables))]
        pieces = chain.from_iterable(self._pieces(*table) for table in zip(tables, counts, firsts, strict=True))
        with TemporaryDirectory(prefix="clicks-", dir=self.working) as folder:
            yield PartsOnDisk.deal(pieces, "user_id", Path(folder), max(1, -(-sum(counts) // self.clicks_at_once)))

    def _pieces(self, table: Table, clicks: int, first_row: int) -> Iterator[pl.DataFrame]:
        """Yield a table's clicks in order, `WORKING_SCHEMA`; of none there is an empty piece."""
        scanned = pl.scan_parquet(self.folder / f"{table}.parquet")
        for begin in range(0, max(1, clicks), self.clicks_at_once):
            piece = scanned.slice(begin, self.clicks_at_once).collect()
            row = pl.int_range(first_row + begin, first_row + begin + piece.height, dtype=pl.Int64)
            working = piece.with_columns(row.alias(ROW), pl.lit(table == "test").alias(IS_TEST))
            passed_over = pl.col("item_id").is_in(self.held_out) if table == "train" else pl.lit(value=False)
            yield working.filter(~passed_over)


def open_prepared_data(folder: Path, working: Path, *, clicks_at_once: int = CLICKS_AT_ONCE) -> PreparedOnDisk:
    """Find what `nextclick data prepare` wrote, and read no click of it.

    Args:
        folder: Where it is.
        working: An existing folder, see `PreparedOnDisk`.
        clicks_at_once: How many clicks may be in memory later, roughly.

    Raises:
        DataError: If the folder is missing, incomplete, or its tables have other columns.
    """
    description = load_description(folder)
    for part in ("train", "test"):
        path = folder / f"{part}.parquet"
        try:
            schema = pl.read_parquet_schema(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise DataError(f"{path} cannot be read ({error}): run `nextclick data prepare` again.") from error
        if pl.Schema(schema) != CLICK_SCHEMA:
            raise DataError(f"{path} has the columns {schema}, not {CLICK_SCHEMA}: prepare it again.")
    return PreparedOnDisk(description, load_catalogue(folder), folder, working, clicks_at_once)


def count_clicks_of(path: Path) -> int:
    """Return how many clicks a file holds, without reading them."""
    return int(pl.scan_parquet(path).select(pl.len()).collect().item())
