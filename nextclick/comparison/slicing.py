"""Families of slices: each puts every click into exactly one slice, so that a family adds up to the whole.

Legend: N clicks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nextclick.comparison.pairing import ModelOutcomes, PairedClicks
from workers.prequential_tally import HISTORY_BINS, history_bins

_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000
# Shares of the clicks that the head, and head and middle together, have.
_HEAD_SHARE, _MIDDLE_SHARE = 0.5, 0.9


@dataclass(frozen=True)
class SliceFamily:
    """One way to cut the clicks.

    Attributes:
        key: For machines.
        title: For people.
        explanation: What the slices are, in a sentence or two.
        labels: Of the slices, in their order.
        index: Which slice each click is in, (N,).
        positions: Where the slices lie on an axis of time, in hours or milliseconds, None for one that lies beside it;
            empty where they are no times.
    """

    key: str
    title: str
    explanation: str
    labels: tuple[str, ...]
    index: NDArray[np.int64] = field(repr=False)
    positions: tuple[int | None, ...] = ()


def by_history(paired: PairedClicks) -> SliceFamily:
    """Cut by how many clicks the list was made from, in the bins of the worker's counters."""
    index = history_bins(paired.clicks["history_length"].to_numpy())
    return _present(
        SliceFamily(
            "history_length",
            "History length",
            "How many clicks of its user the list was made from. At 1 the user is new to the models.",
            HISTORY_BINS,
            index,
        )
    )


def by_age(paired: PairedClicks) -> SliceFamily:
    """Cut by how long ago the user first had a list that could be judged."""
    age_ms = (
        paired.clicks.select(pl.col("timestamp_ms") - pl.col("timestamp_ms").min().over("user_id"))
        .to_series()
        .to_numpy()
    )
    # Late clicks never lie before the least time of their user.
    index = np.searchsorted([1, _HOUR_MS, _DAY_MS], age_ms, side="right")
    return _present(
        SliceFamily(
            "user_age",
            "New users",
            "Time since the user's first click that could be judged, in this recording.",
            ("first judged click", "within the hour after", "within the day after", "later"),
            index.astype(np.int64),
        )
    )


def by_popularity(paired: PairedClicks) -> SliceFamily:
    """Cut by how often the clicked item was clicked, into head, middle and tail."""
    counted = paired.clicks.group_by("item_id").len("clicks").sort(["clicks", "item_id"], descending=[True, False])
    clicks = counted["clicks"].to_numpy()
    share_before = (np.cumsum(clicks) - clicks) / clicks.sum()
    group = np.searchsorted([_HEAD_SHARE, _MIDDLE_SHARE], share_before, side="right")
    groups = counted.select("item_id").with_columns(pl.Series("group", group))
    index = paired.clicks.join(groups, on="item_id", how="left", maintain_order="left")["group"].to_numpy()
    sizes = [f"{items:,} item{'' if items == 1 else 's'}" for items in np.bincount(group, minlength=3).tolist()]
    return _present(
        SliceFamily(
            "item_popularity",
            "Item popularity",
            "By how often the clicked item was clicked in this recording. Head: the most clicked items, which have the "
            "first half of the clicks; middle: the next ones, up to nine tenths; tail: rare ones with the last tenth.",
            (f"head ({sizes[0]})", f"middle ({sizes[1]})", f"tail ({sizes[2]})"),
            index.astype(np.int64),
        )
    )


def by_knowledge(paired: PairedClicks, models: Sequence[ModelOutcomes]) -> SliceFamily:
    """Cut by which models know the clicked item; one that a model does not know it cannot list."""
    items = paired.clicks["item_id"]
    knows = np.stack([items.is_in(pl.Series(sorted(model.item_ids), dtype=pl.String)).to_numpy() for model in models])
    known = knows.sum(axis=0)
    index = np.where(known == len(models), 0, np.where(known > 0, 1, 2))
    return _present(
        SliceFamily(
            "item_known",
            "Items the models know",
            "Whether the clicked item was in the models' training data. An unknown item is in no list.",
            ("known to all", "known to some", "known to none"),
            index.astype(np.int64),
        )
    )


def by_strategy(paired: PairedClicks) -> SliceFamily:
    """Cut by the strategy of the reference's list."""
    strategies = paired.clicks["strategy"]
    labels = sorted(strategies.unique().to_list())
    index = np.searchsorted(np.array(labels), strategies.to_numpy().astype(str))
    return SliceFamily(
        "strategy",
        "Strategy",
        "How the reference's list was made: personal from the user's state, popular where nothing was known of him.",
        tuple(labels),
        index.astype(np.int64),
    )


def _present(family: SliceFamily) -> SliceFamily:
    """Leave out the slices that no click is in."""
    present, index = np.unique(family.index, return_inverse=True)
    labels = tuple(family.labels[number] for number in present)
    return SliceFamily(family.key, family.title, family.explanation, labels, index.astype(np.int64))
