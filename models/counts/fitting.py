"""Fits a recipe for live counts: half lives and weights, by the clicks of a validation period.

1. A log without a clock has nothing to tell of what happens now: its counts are useless, and nothing is tried.
2. Start at the recipe's defaults. Try each setting's neighbours, one setting after the other, and keep what ranks the
   questions' targets better; twice around. The figure is MRR@20, Recall@20 where that is equal.
3. Counts that do not improve on the network alone by `LEAST_GAIN` are useless.

Every trial ranks by the formula of `models.counts.ranking_rule`, densely, with counts of `models.counts.log_counts`.

Legend: Q questions, V items, n last items of a user.
"""

from collections.abc import Callable
from functools import lru_cache

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from models.counts.click_columns import ClickColumns
from models.counts.log_counts import LogCounts, PairEvents, count_log, popularity_at, rows_at
from models.counts.recipe import CountsRecipe
from models.counts.validation_questions import ValidationQuestions
from models.evaluation.metrics import ranks_from_scores

LEAST_GAIN = 0.01
LIST_LENGTH = 20
SWEEPS = 2
# By what each setting is multiplied in a trial, in the order of what matters most.
FACTORS: dict[str, tuple[float, ...]] = {
    "strength": (0.01, 0.1, 10.0),
    "popularity_weight": (0.5, 2.0),
    "cooccurrence_weight": (0.5, 2.0),
    "transition_half_life": (0.5, 2.0),
    "cooccurrence_half_life": (0.25, 0.5, 2.0),
    "popularity_half_life": (0.5, 2.0),
    "history_decay": (0.5, 2.0),
    "smoothing": (0.1, 10.0),
    "unseen": (0.1, 10.0),
    "demotion": (0.1, 10.0),
}
# A demotion is none from here on, and a history does not weigh more than the last item.
_LARGEST = {"history_decay": 0.8, "demotion": 1.0, "strength": 1_000.0}


class Figures(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """What a recipe is judged by, in the order of what counts.

    Attributes:
        mrr: MRR@20.
        recall: Recall@20.
    """

    mrr: float
    recall: float


class CountsFit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A recipe and what it was chosen by.

    Attributes:
        recipe: The best one; `useless` where it gained too little, or the log has no clock.
        with_counts: Its figures on the validation questions; None: without a clock none was tried.
        without_counts: The network's alone.
        trials: How many recipes were compared.
        questions: How many validation clicks they were compared by.
    """

    recipe: CountsRecipe
    with_counts: Figures | None
    without_counts: Figures | None
    trials: int
    questions: int


def fit_counts(
    clicks: ClickColumns,
    questions: ValidationQuestions,
    start: CountsRecipe,
    *,
    on_trial: Callable[[CountsRecipe, Figures], None] | None = None,
) -> CountsFit:
    """Fit half lives and weights; of a log with a clock, see `fit_without_clock`.

    Args:
        clicks: Everything that was clicked until the end of the validation period, in order of time.
        questions: Of a network that did not learn the validation period.
        start: What is not fitted, and where to begin.
        on_trial: Called after each trial.
    """
    without = figures_of(questions.network, questions.target)
    trials = _Trials(count_log(clicks, start), questions, on_trial)
    best, figures = start, trials.figures(start)
    for _ in range(SWEEPS):
        for name, factors in FACTORS.items():
            for recipe in _neighbours(best, name, factors):
                found = trials.figures(recipe)
                if found > figures:
                    best, figures = recipe, found
    useless = figures.mrr < without.mrr * (1 + LEAST_GAIN) or figures.recall < without.recall
    return CountsFit(replace(best, useless=useless), figures, without, trials.count, len(questions.target))


def fit_without_clock(start: CountsRecipe) -> CountsFit:
    """Return what there is to say of a log whose times are none, see `has_clock`: its counts are useless."""
    return CountsFit(replace(start, useless=True), None, None, 0, 0)


def figures_of(scores: NDArray[np.floating], target: NDArray[np.int64]) -> Figures:
    """Rank targets, (Q,), by scores, (Q, V)."""
    ranks = ranks_from_scores(scores, target)
    hit = ranks <= LIST_LENGTH
    return Figures(float((hit / ranks).mean()), float(hit.mean()))


def _neighbours(recipe: CountsRecipe, name: str, factors: tuple[float, ...]) -> list[CountsRecipe]:
    value = getattr(recipe, name)
    tried = [min(value * factor, _LARGEST.get(name, np.inf)) for factor in factors]
    values = [max(1, round(one)) for one in tried] if isinstance(value, int) else tried
    return [replace(recipe, **{name: one}) for one in values if one != value]


class _Trials:
    """Ranks the questions by recipes; what recipes share is counted once."""

    def __init__(
        self,
        counts: LogCounts,
        questions: ValidationQuestions,
        on_trial: Callable[[CountsRecipe, Figures], None] | None,
    ) -> None:
        self._counts = counts
        self._questions = questions
        self._on_trial = on_trial
        self._tried: dict[CountsRecipe, Figures] = {}
        # A table has Q rows and V columns: a few recent ones are enough, because settings change one at a time.
        self._popularity = lru_cache(maxsize=2)(self._count_popularity)
        self._follower_shares = lru_cache(maxsize=6)(self._count_follower_shares)

    @property
    def count(self) -> int:
        return len(self._tried)

    def figures(self, recipe: CountsRecipe) -> Figures:
        """Rank the questions' targets."""
        if recipe not in self._tried:
            scores = self._questions.network + recipe.strength * np.log(self._shares(recipe))
            self._tried[recipe] = figures_of(scores, self._questions.target)
            if self._on_trial is not None:
                self._on_trial(recipe, self._tried[recipe])
        return self._tried[recipe]

    def _shares(self, recipe: CountsRecipe) -> NDArray[np.float64]:
        """Return the mixed shares, (Q, V)."""
        popularity = self._popularity(recipe.bucket_ms, recipe.popularity_half_life, recipe.trending_users)
        shares = recipe.unseen + recipe.popularity_weight * popularity.astype(np.float64)
        for back in range(recipe.history_items):
            weight = recipe.history_decay**back
            after = ("transitions", recipe.transition_half_life)
            both = ("cooccurrences", recipe.cooccurrence_half_life)
            shares += weight * self._follower_shares(*after, recipe.bucket_ms, recipe.smoothing, back)
            shares += (
                weight
                * recipe.cooccurrence_weight
                * self._follower_shares(*both, recipe.bucket_ms, recipe.smoothing, back)
            )
        lately = self._questions.last_items[:, : recipe.demoted_clicks]
        is_demoted = np.zeros(shares.shape, dtype=np.bool_)
        question, place = np.nonzero(lately >= 0)
        is_demoted[question, lately[question, place]] = True
        shares[is_demoted] *= recipe.demotion
        return shares

    def _count_popularity(self, bucket_ms: int, half_life: int, trending_users: float) -> NDArray[np.float32]:
        item_count = self._questions.network.shape[1]
        clicks = popularity_at(self._counts, self._bucket(bucket_ms), item_count, half_life, trending_users)
        total = np.maximum(clicks.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
        shares: NDArray[np.float32] = (clicks / total).astype(np.float32)
        return shares

    def _count_follower_shares(
        self, kind: str, half_life: int, bucket_ms: int, smoothing: float, back: int
    ) -> NDArray[np.float32]:
        events: PairEvents = getattr(self._counts, kind)
        last = self._questions.last_items[:, back]
        shares = np.zeros(self._questions.network.shape, dtype=np.float32)
        for answer in rows_at(events, last, self._bucket(bucket_ms), half_life):
            mass = answer.value.sum(axis=1, keepdims=True) + smoothing
            shares[answer.question[:, None], answer.column] = answer.value / mass
        return shares

    def _bucket(self, bucket_ms: int) -> NDArray[np.int64]:
        """Return the newest bucket that each question knows of, (Q,)."""
        newest: NDArray[np.int64] = self._questions.asked_ms // bucket_ms - 1
        return newest
