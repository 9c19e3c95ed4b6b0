"""Outcomes for tests, with keyword defaults."""

from collections.abc import Sequence

import polars as pl

from nextclick.prequential.outcomes import OUTCOME_SCHEMA


def make_outcomes(rows: Sequence[tuple[int, int]], *, history: int = 1, every_ms: int = 1_000) -> pl.DataFrame:
    """Make personal outcomes of (rank, popular_rank), a user each, a second apart."""
    return pl.DataFrame(
        [
            {
                "partition": 0,
                "offset": number,
                "timestamp_ms": 1_714_521_600_000 + every_ms * number,
                "user_id": f"user-{number}",
                "item_id": "item-01",
                "history_length": history,
                "strategy": "personal",
                "rank": rank,
                "popular_rank": popular_rank,
            }
            for number, (rank, popular_rank) in enumerate(rows)
        ],
        schema=OUTCOME_SCHEMA,
    )
