"""Recall, MRR, NDCG and catalogue coverage from ranks; numpy only, for the offline evaluation and the stream alike.

Every prediction has one right answer, the item clicked next. Its rank is counted from 1, and ties are broken
conservatively: among items with equal scores the target comes last. A network that scores everything alike is then no
better than a list without the target (the other choice would rank it first).

Legend: N predictions, V items, K list length.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CUTOFFS = (1, 5, 10, 20)
_MEASURES = ("Recall", "MRR", "NDCG")
METRIC_NAMES = tuple(f"{name}@{cutoff}" for name in _MEASURES for cutoff in CUTOFFS)


def ranks_from_scores(scores: NDArray[np.floating], target_index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rank each target within the whole catalogue.

    Args:
        scores: Of every item, (N, V); -inf where an item may not be listed.
        target_index: What was clicked, (N,); a negative index is an item that the catalogue does not hold.

    Returns:
        Ranks, (N,), from 1 to V; V + 1 for a target that the catalogue does not hold. An item whose score is not a
        number counts as better than the target.
    """
    item_count = scores.shape[1]
    known = target_index >= 0
    target_score = np.take_along_axis(scores, np.where(known, target_index, 0)[:, None], axis=1)  # (N, 1)
    worse = np.count_nonzero(scores < target_score, axis=1)
    ranks: NDArray[np.int64] = np.where(known, item_count - worse, item_count + 1)
    return ranks


def ranks_from_lists(
    top_item: NDArray[np.generic], top_score: NDArray[np.floating], target: NDArray[np.generic]
) -> NDArray[np.int64]:
    """Rank each target within a given list of the best K.

    Args:
        top_item: Listed items, best first, (N, K): ids or rows, the same kind as the targets.
        top_score: Their scores, (N, K); -inf where the list has no more items.
        target: What was clicked, (N,).

    Returns:
        Ranks, (N,), from 1 to K; K + 1 for a target that is not listed. An equal score that did not make the list
        cannot be counted: only there can a list rank a target better than the whole catalogue does.
    """
    found = (top_item == target[:, None]) & (top_score > -np.inf)  # (N, K)
    listed = found.any(axis=1)
    target_score = np.take_along_axis(top_score, found.argmax(axis=1)[:, None], axis=1)  # (N, 1)
    better_or_equal = np.count_nonzero(top_score >= target_score, axis=1)
    ranks: NDArray[np.int64] = np.where(listed, better_or_equal, top_item.shape[1] + 1)
    return ranks


def gains_of(ranks: NDArray[np.int64], cutoffs: Sequence[int] = CUTOFFS) -> dict[str, NDArray[np.float64]]:
    """Return what each prediction adds to Recall, MRR and NDCG at each cutoff, (N, cutoffs) a measure.

    Args:
        ranks: Of the targets, (N,).
        cutoffs: The K of Recall@K and the rest.
    """
    hit = ranks[:, None] <= np.array(cutoffs)  # (N, cutoffs)
    # With one relevant item the ideal gain is 1, so NDCG is the discount at the target's rank.
    gains = (hit.astype(np.float64), hit / ranks[:, None], hit / np.log2(ranks[:, None] + 1.0))
    return dict(zip(_MEASURES, gains, strict=True))


class RankingTally:
    """How often targets were at each rank, from which the figures so far can be read at any time.

    Counts and no sums of gains: the figures are the same in whatever order and pieces predictions come.

    Args:
        cutoffs: The K of Recall@K and the rest.
    """

    def __init__(self, cutoffs: Sequence[int] = CUTOFFS) -> None:
        self.cutoffs = tuple(cutoffs)
        self.predictions = 0
        self._at_rank = np.zeros(max(self.cutoffs, default=0), dtype=np.int64)  # from rank 1 to the last cutoff

    def add(self, ranks: NDArray[np.int64]) -> None:
        """Count more predictions by the ranks of their targets, (N,)."""
        self.predictions += len(ranks)
        last = len(self._at_rank)
        self._at_rank += np.bincount(ranks[ranks <= last] - 1, minlength=last)

    def figures(self) -> dict[str, float]:
        """Return `Recall@1` and so on over everything counted so far; empty before the first prediction."""
        if not self.predictions:
            return {}
        ranks = np.arange(1, len(self._at_rank) + 1)
        return {
            f"{name}@{cutoff}": float(total / self.predictions)
            for name, gains in gains_of(ranks, self.cutoffs).items()
            for cutoff, total in zip(self.cutoffs, (self._at_rank[:, None] * gains).sum(axis=0), strict=True)
        }


def figures_of(ranks: NDArray[np.int64], cutoffs: Sequence[int] = CUTOFFS) -> dict[str, float]:
    """Return `Recall@1` and so on for these ranks, (N,)."""
    tally = RankingTally(cutoffs)
    tally.add(ranks)
    return tally.figures()


def top_items(scores: NDArray[np.floating], length: int) -> NDArray[np.int64]:
    """Return the `length` best items of each row, (N, V) -> (N, K), in no particular order."""
    length = min(length, scores.shape[1])
    return np.argpartition(scores, -length, axis=1)[:, -length:]


def catalogue_coverage(listed: NDArray[np.bool_]) -> float:
    """Return the share of the catalogue that was listed at least once, given which items were, (V,)."""
    return float(np.count_nonzero(listed) / len(listed))
