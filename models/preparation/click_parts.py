"""A log's clicks in parts: all in memory as one, or on disk as many; what works on parts works on both.

A user's clicks are all in one part, so that whatever looks at one user, one session or one click looks at one part at a
time. What must know of all parts (how often an item was clicked, where a share of the clicks ends) goes through them
and adds up. Each part is a table of `WORKING_SCHEMA`, in order of time from the step on that assigns sessions.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.errors import DataError
from models.preparation.prepared_data import CLICK_SCHEMA, CleaningStep

# A click's place in the log: what orders clicks of one time; and on which side of the cut it lies, null before there is
# one.
ROW, IS_TEST = "row", "is_test"
WORKING_SCHEMA = pl.Schema({**CLICK_SCHEMA, ROW: pl.Int64(), IS_TEST: pl.Boolean()})
Change = Callable[[pl.DataFrame], pl.DataFrame]
Part = Literal["all", "train", "test"]
_BINS = 65_536


class ClickParts(ABC):
    """Clicks in parts; immutable to its user: a change gives other parts."""

    @abstractmethod
    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Yield the parts, one after the other."""

    @abstractmethod
    def map(self, change: Change) -> "ClickParts":
        """Change every part now; what was there before may not be used any more.

        A part that the change hands back as it is costs nothing.
        """

    def columns(self, *names: str) -> Iterator[pl.DataFrame]:
        """Yield some columns of the parts."""
        return (part.select(names) for part in self)

    def count(self) -> int:
        """Return how many clicks there are."""
        return sum(part.height for part in self)


class ClicksInMemory(ClickParts):
    """All clicks as one part.

    Args:
        clicks: `WORKING_SCHEMA`.
    """

    def __init__(self, clicks: pl.DataFrame) -> None:
        self.clicks = clicks

    @staticmethod
    def of_log(clicks: pl.DataFrame) -> "ClicksInMemory":
        """Number a log's clicks, `CLICK_SCHEMA`, in the order in which they are."""
        return ClicksInMemory(working_columns(clicks, first_row=0))

    def __iter__(self) -> Iterator[pl.DataFrame]:
        yield self.clicks

    def map(self, change: Change) -> "ClicksInMemory":
        """Change the clicks."""
        return ClicksInMemory(change(self.clicks))


def working_columns(clicks: pl.DataFrame, first_row: int) -> pl.DataFrame:
    """Add what a click carries along while it is prepared."""
    row = pl.int_range(first_row, first_row + clicks.height, dtype=pl.Int64)
    return clicks.with_columns(row.alias(ROW), pl.lit(None, pl.Boolean).alias(IS_TEST))


def among(part: Part) -> pl.Expr:
    """Tell of each click whether it lies in a part of the split; before there is one, all are in `all` only."""
    match part:
        case "all":
            return pl.lit(value=True)
        case "train":
            return ~pl.col(IS_TEST)
        case "test":
            return pl.col(IS_TEST)


def drop_from(
    clicks: ClickParts, doomed: pl.Expr, name: str, reason: str, part: Part = "all"
) -> tuple[ClickParts, CleaningStep]:
    """Drop clicks from all parts and say so.

    Args:
        clicks: The clicks.
        doomed: Boolean: whether a click goes; null keeps it.
        name: The step's name, for the report.
        reason: Why such a click goes.
        part: Only clicks of this part of the split go and are counted.
    """
    dropped = kept = 0

    def change(table: pl.DataFrame) -> pl.DataFrame:
        nonlocal dropped, kept
        left = table.filter(~(doomed & among(part)).fill_null(value=False))
        if left.height == table.height:
            left = table
        dropped += table.height - left.height
        kept += left.select(among(part).sum() if part != "all" else pl.len()).item()
        return left

    changed = clicks.map(change)
    full_name = name if part == "all" else f"{part}: {name}"
    return changed, CleaningStep(name=full_name, reason=reason, dropped=dropped, kept=kept)


def change_with_report(
    clicks: ClickParts, change: Callable[[pl.DataFrame], tuple[pl.DataFrame, tuple[CleaningStep, ...]]]
) -> tuple[ClickParts, tuple[CleaningStep, ...]]:
    """Take a step that needs no more than one part, and add its reports up."""
    reports: list[tuple[CleaningStep, ...]] = []

    def apply(table: pl.DataFrame) -> pl.DataFrame:
        changed, steps = change(table)
        reports.append(steps)
        return changed

    changed = clicks.map(apply)
    return changed, tuple(_sum(steps) for steps in zip(*reports, strict=True))


def drop_within_parts(
    clicks: ClickParts, drop: Callable[[pl.DataFrame], tuple[pl.DataFrame, CleaningStep]]
) -> tuple[ClickParts, CleaningStep]:
    """Take one step that drops clicks and needs no more than one part."""

    def change(table: pl.DataFrame) -> tuple[pl.DataFrame, tuple[CleaningStep, ...]]:
        left, step = drop(table)
        return left, (step,)

    changed, (step,) = change_with_report(clicks, change)
    return changed, step


def _sum(steps: tuple[CleaningStep, ...]) -> CleaningStep:
    first = steps[0]
    dropped, kept, changed = (sum(getattr(step, name) for step in steps) for name in ("dropped", "kept", "changed"))
    return CleaningStep(first.name, first.reason, dropped=dropped, kept=kept, changed=changed)


def count_by(clicks: ClickParts, column: str, part: Part = "all") -> pl.DataFrame:
    """Count the clicks of a part of the split by item or by session: the column, and `len`."""
    counted = pl.DataFrame(schema={column: pl.String(), "len": pl.UInt32()})
    for table in clicks.columns(column) if part == "all" else clicks.columns(column, IS_TEST):
        counts = table.filter(among(part)).group_by(column).len()
        counted = pl.concat([counted, counts]).group_by(column).agg(pl.col("len").sum())
    return counted


def kth_smallest(numbers: Callable[[], Iterable[NDArray[np.int64]]], k: int) -> int:
    """Return the number at place k, from 0, of all numbers in order, without bringing them together.

    Args:
        numbers: Gives the numbers in pieces, anew whenever it is called.
        k: Less than the count of numbers.

    Raises:
        DataError: If there are not that many numbers.
    """
    pieces = [(int(piece.min()), int(piece.max())) for piece in numbers() if piece.size]
    if not pieces:
        raise DataError("There are no clicks to split.")
    low, high = min(pieces)[0], max(piece[1] for piece in pieces)
    while True:
        # The number lies between low and high: count how many fall into each of some narrow bins, and go into its bin.
        width = (high - low) // _BINS + 1
        counts = np.zeros(_BINS, dtype=np.int64)
        for piece in numbers():
            inside = piece[(piece >= low) & (piece <= high)]
            counts += np.bincount((inside - low) // width, minlength=_BINS)
        before = np.cumsum(counts)
        bin_ = int(np.searchsorted(before, k, side="right"))
        if bin_ == _BINS:
            raise DataError(f"There is no number at place {k}: there are {before[-1]}.")
        low += bin_ * width
        if width == 1:
            return low
        k -= int(before[bin_] - counts[bin_])
        high = low + width - 1
