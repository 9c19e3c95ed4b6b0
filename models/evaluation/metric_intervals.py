"""The figures of a leaderboard, each with a 95 % bootstrap interval over sessions.

Of two clicks of one session, or of one user where sessions never end, neither tells as much as one of another's: whole
sessions are drawn, see `models.evaluation.bootstrap`. Two kinds of figures need two ways:

    Recall, MRR, NDCG, ARP   means over predictions, also where the next five clicks are right together: the
                             percentiles of the resamples' means
    Coverage, Gini           of all lists together: a resample holds only 63 % of the sessions, so it covers less of
                             the catalogue, and less evenly. The percentiles are moved by that bias (Efron and
                             Tibshirani, An Introduction to the Bootstrap, 1993, section 10.2), and end where the
                             figure's range ends.

Legend: P predictions, S sessions, V items, K list length, B resamples, C of them at a time, D figures.
"""

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from models.evaluation.bootstrap import CONFIDENCE, resampled_means, times_drawn, user_sums
from models.evaluation.exposure import gini, mean_popularity
from models.evaluation.following_items import FOLLOWING, following_gains
from models.evaluation.metrics import gains_of
from models.evaluation.ranked_predictions import LIST_LENGTH, RankedPredictions
from models.sequences.encoded_sessions import EncodedSessions

REPORTED_CUTOFFS = (5, 10, 20)
_TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
# Resamples whose exposures of the whole catalogue are in memory at once, times items.
_EXPOSURES_AT_A_TIME = 2 * 1024 * 1024


class Interval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A figure as measured, and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def metric_intervals(
    ranked: RankedPredictions,
    popularity: NDArray[np.int64],
    *,
    sessions: EncodedSessions | None = None,
    resamples: int = 1_000,
    seed: int = 0,
) -> dict[str, Interval]:
    """Return Recall, MRR and NDCG at 5, 10 and 20, ARP@20, Coverage@20 and Gini@20; `Next5Recall@5` and so on.

    Args:
        ranked: What a model made of every prediction.
        popularity: Training clicks of every item, (V,), which ARP is the mean of over the listed items.
        sessions: What was predicted, for the figures of the next five clicks; None, where no more than one is to
            come, leaves these out.
        resamples: B.
        seed: The same seed draws the same sessions.
    """
    columns = {
        f"{measure}@{cutoff}": gains[:, place]
        for measure, gains in gains_of(ranked.ranks, REPORTED_CUTOFFS).items()
        for place, cutoff in enumerate(REPORTED_CUTOFFS)
    }
    columns[f"ARP@{LIST_LENGTH}"] = mean_popularity(ranked.top_item, popularity)
    if sessions is not None:
        gains = following_gains(ranked, sessions)
        columns |= {f"Next{FOLLOWING}{name}": of_predictions for name, of_predictions in gains.items()}
    means = mean_intervals(ranked.predictions.session, columns, resamples=resamples, seed=seed)
    return means | _exposure_intervals(ranked, resamples, seed)


def mean_intervals(
    session: NDArray[np.int64], columns: dict[str, NDArray[np.float64]], *, resamples: int = 1_000, seed: int = 0
) -> dict[str, Interval]:
    """Return the mean of each column with its interval.

    Args:
        session: Which session, or user, each row is of, (P,).
        columns: Figures of each row, (P,), by name.
        resamples: B.
        seed: The same seed draws the same sessions.
    """
    sums, counts = user_sums(session, np.stack(list(columns.values()), axis=1))
    low, high = np.quantile(resampled_means(sums, counts, resamples=resamples, seed=seed), _TAILS, axis=0)
    values = sums.sum(axis=0) / counts.sum()
    return {
        name: Interval(*map(float, one)) for name, one in zip(columns, zip(values, low, high, strict=True), strict=True)
    }


def _exposure_intervals(ranked: RankedPredictions, resamples: int, seed: int) -> dict[str, Interval]:
    """Return the figures of all lists together."""
    exposures = _session_exposures(ranked)
    names = (f"Coverage@{LIST_LENGTH}", f"Gini@{LIST_LENGTH}")
    values = _exposure_figures(np.asarray(exposures.sum(axis=0))[None])[0]  # (D,)
    resampled = np.concatenate(
        [_exposure_figures(times @ exposures) for times in _draws(exposures.shape, resamples, seed)]
    )  # (B, D)
    bias = resampled.mean(axis=0) - values
    low, high = np.clip(np.quantile(resampled, _TAILS, axis=0) - bias, 0.0, 1.0)
    return {
        name: Interval(*map(float, one)) for name, one in zip(names, zip(values, low, high, strict=True), strict=True)
    }


def _session_exposures(ranked: RankedPredictions) -> csr_array:
    """Return how often each session's lists hold each item, (S, V); sessions without a prediction are left out."""
    _, session = np.unique(ranked.predictions.session, return_inverse=True)
    listed = ranked.top_item >= 0
    row = np.broadcast_to(session[:, None], listed.shape)[listed]
    shape = (session.max() + 1, ranked.item_count)
    return coo_array((np.ones(len(row)), (row, ranked.top_item[listed])), shape=shape).tocsr()


def _exposure_figures(exposures: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return coverage and Gini of exposures, (C, V) -> (C, D)."""
    return np.stack([np.count_nonzero(exposures, axis=1) / exposures.shape[1], gini(exposures)], axis=1)


def _draws(shape: tuple[int, int], resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Yield how often each session is drawn, (C, S) at a time."""
    random = np.random.default_rng(seed)
    step = max(1, _EXPOSURES_AT_A_TIME // max(shape))
    for start in range(0, resamples, step):
        yield times_drawn(random, min(step, resamples - start), shape[0])
