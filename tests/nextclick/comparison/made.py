"""Outcomes for comparisons."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from nextclick.comparison.pairing import ModelOutcomes
from nextclick.prequential.outcomes import OUTCOME_SCHEMA
from tests.click_tables import MAY_2024_MS

MINUTE_MS = 60_000


def make_outcomes(
    name: str = "today",
    ranks: Sequence[int] = (1, 0, 2),
    *,
    popular_ranks: Sequence[int] | None = None,
    users: Sequence[str] | None = None,
    items: Sequence[str] | None = None,
    minutes: Sequence[float] | None = None,
    history: Sequence[int] | None = None,
    strategies: Sequence[str] | None = None,
    list_length: int = 10,
    known: Sequence[str] = (),
    trained_until_ms: int | None = None,
) -> ModelOutcomes:
    """Make outcomes of clicks in one partition, a minute apart, each of a user and an item of its own."""
    count = len(ranks)
    columns = {
        "partition": [0] * count,
        "offset": list(range(count)),
        "timestamp_ms": [MAY_2024_MS + round(minute * MINUTE_MS) for minute in (minutes or range(count))],
        "user_id": list(users or (f"user-{number}" for number in range(count))),
        "item_id": list(items or (f"item-{number}" for number in range(count))),
        "history_length": list(history or [1] * count),
        "strategy": list(strategies or ["personal"] * count),
        "rank": list(ranks),
        "popular_rank": list(popular_ranks or [0] * count),
    }
    frame = pl.DataFrame(columns, schema=OUTCOME_SCHEMA)
    return ModelOutcomes(name, frame, list_length, frozenset(known), trained_until_ms)


def make_models(count: int = 3_000, better: float = 0.08, seed: int = 4) -> list[ModelOutcomes]:
    """Make a reference and a challenger that lists more of the clicked items; users of one to some dozens of clicks."""
    random = np.random.default_rng(seed)
    users = np.sort((random.pareto(1.2, count) * 40).astype(int) % 400)
    history = np.array([np.count_nonzero(users[:place] == user) + 1 for place, user in enumerate(users)])
    items = (random.pareto(0.9, count) * 3).astype(int) % 90
    chance = 0.25 + 0.3 * random.random(400)[users]
    ranks = np.where(random.random(count) < chance, random.integers(1, 11, count), 0)
    others = np.where((ranks == 0) & (random.random(count) < better), random.integers(1, 11, count), ranks)
    shared = {
        "users": [f"user-{user}" for user in users],
        "items": [f"item-{item:02}" for item in items],
        "minutes": list(np.arange(count) * 1.5),
        "history": history.tolist(),
        "strategies": ["popular" if item % 11 == 0 else "personal" for item in items],
        "popular_ranks": np.where(items < 10, items + 1, 0).tolist(),
        "known": [f"item-{item:02}" for item in range(80)],
    }
    return [
        make_outcomes("today", ranks.tolist(), **shared),
        make_outcomes("new", others.tolist(), **shared),
    ]
