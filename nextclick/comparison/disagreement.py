"""Where two models part: the clicks that only one of them listed, and the items for which that matters most."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nextclick.comparison.pairing import PairedClicks

# An item of fewer clicks or users is chance, or one person.
LEAST_ITEM_CLICKS = 30
LEAST_ITEM_USERS = 10
SHOWN_ITEMS = 10


@dataclass(frozen=True)
class ItemChange:
    """An item that one model lists for its clicks more often than the other.

    Attributes:
        item_id: Which.
        clicks: How often it was clicked.
        users: By how many.
        reference_hits: Clicks for which the reference had it in the list.
        challenger_hits: The same of the challenger.
    """

    item_id: str
    clicks: int
    users: int
    reference_hits: int
    challenger_hits: int

    @property
    def gain(self) -> int:
        """How many more clicks the challenger had it for; less than 0: fewer."""
        return self.challenger_hits - self.reference_hits


@dataclass(frozen=True)
class Disagreement:
    """A challenger against the reference, click by click.

    Attributes:
        column: The challenger's.
        both: Clicks whose item both had listed.
        only_reference: Only the reference.
        only_challenger: Only the challenger.
        neither: Neither.
        higher: Of those in both lists: ranked higher by the challenger.
        lower: Of those: ranked lower.
        gained: Items with the largest gain, most first.
        lost: Items with the largest loss, most first.
    """

    column: int
    both: int
    only_reference: int
    only_challenger: int
    neither: int
    higher: int
    lower: int
    gained: tuple[ItemChange, ...]
    lost: tuple[ItemChange, ...]

    @property
    def is_same(self) -> bool:
        """Whether every clicked item had the same rank in both lists."""
        return not (self.only_reference or self.only_challenger or self.higher or self.lower)


def disagreement_of(paired: PairedClicks, column: int) -> Disagreement:
    """Return where a challenger parts from the reference."""
    reference, challenger = paired.ranks[:, 0], paired.ranks[:, column]
    had, has = reference > 0, challenger > 0
    gained, lost = _item_changes(paired, had, has)
    return Disagreement(
        column=column,
        both=int((had & has).sum()),
        only_reference=int((had & ~has).sum()),
        only_challenger=int((~had & has).sum()),
        neither=int((~had & ~has).sum()),
        higher=int((had & has & (challenger < reference)).sum()),
        lower=int((had & has & (challenger > reference)).sum()),
        gained=gained,
        lost=lost,
    )


def _item_changes(
    paired: PairedClicks, had: NDArray[np.bool_], has: NDArray[np.bool_]
) -> tuple[tuple[ItemChange, ...], tuple[ItemChange, ...]]:
    items = (
        paired.clicks.select("item_id", "user_id")
        .with_columns(pl.Series("had", had), pl.Series("has", has))
        .group_by("item_id")
        .agg(
            pl.len().alias("clicks"),
            pl.col("user_id").n_unique().alias("users"),
            pl.col("had").sum().alias("reference_hits"),
            pl.col("has").sum().alias("challenger_hits"),
        )
        .filter((pl.col("clicks") >= LEAST_ITEM_CLICKS) & (pl.col("users") >= LEAST_ITEM_USERS))
        .with_columns((pl.col("challenger_hits").cast(pl.Int64) - pl.col("reference_hits")).alias("gain"))
    )
    # Items of equal gain in an order that is the same on every run.
    best = items.filter(pl.col("gain") > 0).sort("gain", "clicks", "item_id", descending=[True, False, False])
    worst = items.filter(pl.col("gain") < 0).sort("gain", "clicks", "item_id")
    return _changes(best), _changes(worst)


def _changes(items: pl.DataFrame) -> tuple[ItemChange, ...]:
    return tuple(ItemChange(**row) for row in items.head(SHOWN_ITEMS).drop("gain").to_dicts())
