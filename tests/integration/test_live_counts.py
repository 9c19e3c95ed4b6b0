"""Two workers count what everyone clicks and rank with it; one of them is killed in the middle of it."""

import json
import uuid
from pathlib import Path
from random import Random

import pytest

from export.artifact import Artifact
from models.counts.recipe import CountsRecipe
from tests.factories import TINY_ITEM_IDS, make_tiny_artifact
from tests.integration.counted_streams import assert_buckets_are_exact
from tests.integration.harness import Stream, make_stream, running_worker, wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow]

RECIPE = CountsRecipe(bucket_ms=1_000, boost_length=16, clicks_per_user=2)
CLICKS, USERS = 900, 60
BEGIN_MS = 1_700_000_000_000


@pytest.fixture(scope="module")
def counting_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return make_tiny_artifact(tmp_path_factory.mktemp("counting"), counts=RECIPE)


def make_clicks() -> list[dict[str, object]]:
    """Draw clicks of half a minute, a second ago each from the next but for some that come late."""
    random = Random(7)
    return [
        {
            "user_id": f"u{random.randrange(USERS)}",
            "item_id": random.choice([*TINY_ITEM_IDS, "unheard-of"]),
            "timestamp_ms": BEGIN_MS + number * 33 - random.choice([0, 0, 0, 1_500, 9_000]),
            "event_id": str(number),
        }
        for number in range(CLICKS)
    ]


def test_every_bucket_is_exact_though_a_worker_was_killed(
    broker: str, counting_artifact: Artifact, tmp_path: Path
) -> None:
    """What is published is what the clicks say, and every list behind the first snapshot names its own."""
    stream = make_stream(broker, counting_artifact.folder, f"counts-{uuid.uuid4().hex[:8]}", max_batch_records=20)
    clicks = make_clicks()
    logs = [tmp_path / name for name in ("first", "second")]
    for log in logs:
        log.mkdir()
    with running_worker(stream, logs[0]) as first, running_worker(stream, logs[1]) as second:
        first.wait_until_ready()
        second.wait_until_ready()
        stream.send(clicks[:600])
        wait_until(lambda: sum(first.clicks().values()) > 100 and sum(second.clicks().values()) > 100)
        first.kill()
        stream.send(clicks[600:])
        wait_until(lambda: all_are_applied(stream), 60)
        assert second.metric("nextclick_counts_lag_records") == 0
        assert second.stop() == 0
    assert_buckets_are_exact(stream, counting_artifact, RECIPE, at_least=CLICKS // 2)
    lists = [json.loads(one.value) for one in stream.lists(CLICKS)]
    named = [one for one in lists if "counts" in one]
    assert len(named) > CLICKS / 2
    assert {one["strategy"] for one in named} <= {"personal", "trending"}


def all_are_applied(stream: Stream) -> bool:
    """Tell whether every user's state stands for all his clicks."""
    return sum(state.clicks for state in stream.decoded_states().values()) == CLICKS
