"""The same counts over a whole log at once: what a recipe is fitted with, hundreds of times faster than click by click.

1. Lay every counted click, transition and pair out as an event: bucket, row, column.
2. A question is a row and a bucket. Sort events and questions of a row by bucket; each event is added to the first
   question that sees it, decayed to there; then each question takes over what the one before it had.

It has no top M and no floor, and sums in another order: it equals `LiveCounts` where nothing was pruned, up to the last
bits of a float64.

Legend: N clicks, E events, Q questions, V items, U columns that a row has at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.counts.click_columns import ClickColumns
from models.counts.recipe import CountsRecipe


@dataclass(frozen=True)
class PairEvents:
    """Pairs in order of time, each (E,)."""

    bucket: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]


@dataclass(frozen=True)
class LogCounts:
    """Everything that a log counts, not yet decayed.

    Attributes:
        bucket: Of each counted click, (E,).
        item: What was clicked, (E,).
        is_users_first: Whether it was the first of its user, item and bucket, (E,).
        transitions: What was clicked right after what.
        cooccurrences: What was clicked in the same session as what, each pair in both directions.
    """

    bucket: NDArray[np.int64]
    item: NDArray[np.int64]
    is_users_first: NDArray[np.bool_]
    transitions: PairEvents
    cooccurrences: PairEvents


def count_log(clicks: ClickColumns, recipe: CountsRecipe) -> LogCounts:
    """Count a log, in order of time, as `BucketBuilder` does."""
    known = clicks.known()
    bucket = known.timestamp_ms // recipe.bucket_ms
    counted = _within_cap(known, bucket, recipe.clicks_per_user)
    # Session after session, in order of time: a session's earlier clicks lie right before.
    by_session = np.argsort(known.session, kind="stable")
    session, item = known.session[by_session], known.item[by_session]
    earlier = [_shifted(session, item, distance) for distance in range(1, recipe.session_reach + 1)]
    parts = []
    for distance, other in enumerate(earlier):
        is_pair = (other >= 0) & (other != item) & counted[by_session]
        for nearer in earlier[:distance]:
            is_pair &= nearer != other
        rows = by_session[is_pair]
        parts += [(rows, other[is_pair], item[is_pair]), (rows, item[is_pair], other[is_pair])]
    follows = (earlier[0] >= 0) & counted[by_session]
    return LogCounts(
        bucket=bucket[counted],
        item=known.item[counted],
        is_users_first=_within_cap(known, bucket, 1)[counted],
        transitions=_in_order(bucket, [(by_session[follows], earlier[0][follows], item[follows])]),
        cooccurrences=_in_order(bucket, parts),
    )


def _within_cap(clicks: ClickColumns, bucket: NDArray[np.int64], cap: int) -> NDArray[np.bool_]:
    """Tell which clicks are among the first so many of their user, item and bucket, (N,)."""
    order = np.lexsort((np.arange(len(clicks)), bucket, clicks.item, clicks.user))
    keys = np.stack([clicks.user[order], clicks.item[order], bucket[order]])
    begins = np.ones(len(order), dtype=np.bool_)
    begins[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
    first = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    within = np.empty(len(order), dtype=np.bool_)
    within[order] = np.arange(len(order)) - first < cap
    return within


def _shifted(session: NDArray[np.int64], item: NDArray[np.int64], distance: int) -> NDArray[np.int64]:
    """Return what was clicked so many clicks earlier in the same session, (N,); -1 where nothing was."""
    other = np.full_like(item, -1)
    same = session[distance:] == session[:-distance]
    other[distance:][same] = item[:-distance][same]
    return other


# Which clicks make pairs, and of which items.
_PairPart = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def _in_order(bucket: NDArray[np.int64], parts: list[_PairPart]) -> PairEvents:
    click, row, column = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.argsort(click, kind="stable")
    return PairEvents(bucket[click[order]], row[order], column[order])


class RowAnswers(NamedTuple):
    """What questions about one row are answered with.

    Attributes:
        question: Which questions, (q,).
        column: The columns that the row has, in ascending order, (U,).
        value: Their decayed counts at the end of each question's bucket, (q, U).
    """

    question: NDArray[np.int64]
    column: NDArray[np.int64]
    value: NDArray[np.float64]


def rows_at(
    events: PairEvents, row: NDArray[np.int64], bucket: NDArray[np.int64], half_life: int
) -> Iterator[RowAnswers]:
    """Answer questions, row by row; a row without events is left out.

    Args:
        events: Pairs in order of time.
        row: Which row each question is about, (Q,); negative: about none.
        bucket: As of the end of which bucket, (Q,).
        half_life: In buckets.
    """
    by_row = np.argsort(events.row, kind="stable")
    event_rows = events.row[by_row]
    questions = np.lexsort((bucket, row))
    questions = questions[row[questions] >= 0]
    for number, start, count in zip(*np.unique(row[questions], return_index=True, return_counts=True), strict=True):
        mine = questions[start : start + count]
        begin, end = np.searchsorted(event_rows, [number, number + 1])
        if begin == end:
            continue
        event = by_row[begin:end]
        column, place = np.unique(events.column[event], return_inverse=True)
        moment, of_moment = np.unique(bucket[mine], return_inverse=True)
        values = _decayed(events.bucket[event], place, len(column), moment, half_life)
        yield RowAnswers(mine, column, values[of_moment])


def popularity_at(
    counts: LogCounts, bucket: NDArray[np.int64], item_count: int, half_life: int, trending_users: float = 0.0
) -> NDArray[np.float64]:
    """Return the decayed clicks of every item at the end of each question's bucket, (Q, V).

    Args:
        counts: The log.
        bucket: As of the end of which bucket, (Q,).
        item_count: V.
        half_life: In buckets.
        trending_users: An item that fewer users clicked, decayed alike, has 0.
    """
    moment, of_moment = np.unique(bucket, return_inverse=True)
    clicks = _decayed(counts.bucket, counts.item, item_count, moment, half_life)
    if trending_users > 0:
        first = counts.is_users_first
        users = _decayed(counts.bucket[first], counts.item[first], item_count, moment, half_life)
        clicks[users < trending_users] = 0
    return clicks[of_moment]


def _decayed(
    event_bucket: NDArray[np.int64],
    place: NDArray[np.int64],
    places: int,
    moment: NDArray[np.int64],
    half_life: int,
) -> NDArray[np.float64]:
    """Sum decayed events in each place, (moments, places): of the buckets up to and including each moment."""
    seen_first_at = np.searchsorted(moment, event_bucket)
    is_seen = seen_first_at < len(moment)
    first = seen_first_at[is_seen]
    sums = np.zeros((len(moment), places))
    np.add.at(sums, (first, place[is_seen]), np.exp2((event_bucket[is_seen] - moment[first]) / half_life))
    for number in range(1, len(moment)):
        sums[number] += sums[number - 1] * np.exp2((moment[number - 1] - moment[number]) / half_life)
    return sums
