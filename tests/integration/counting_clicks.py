"""Clicks for workers that count what everyone clicks, and how they count it."""

from random import Random

from models.counts.recipe import CountsRecipe
from tests.factories import TINY_ITEM_IDS

RECIPE = CountsRecipe(bucket_ms=1_000, boost_length=16, clicks_per_user=2)
CLICKS, USERS = 900, 60
BEGIN_MS = 1_700_000_000_000


def make_clicks(seed: int) -> list[dict[str, object]]:
    """Draw clicks of half a minute, 33 ms apart, some of them late."""
    random = Random(seed)
    return [
        {
            "user_id": f"u{random.randrange(USERS)}",
            "item_id": random.choice([*TINY_ITEM_IDS, "unheard-of"]),
            "timestamp_ms": BEGIN_MS + number * 33 - random.choice([0, 0, 0, 1_500, 9_000]),
            "event_id": str(number),
        }
        for number in range(CLICKS)
    ]
