"""Two workers count what everyone clicks and rank with it; one of them is killed in the middle of it."""

import json
import uuid
from pathlib import Path

import pytest

from export.artifact import Artifact
from models.counts.count_records import decode_key
from tests.integration.counted_streams import assert_buckets_are_exact
from tests.integration.counting_clicks import CLICKS, RECIPE, make_clicks
from tests.integration.harness import Stream, make_stream, running_worker, wait_until
from workers.claim_clock import claim_time

pytestmark = [pytest.mark.broker, pytest.mark.slow]


def test_every_bucket_is_exact_though_a_worker_was_killed(
    broker: str, counting_artifact: Artifact, tmp_path: Path
) -> None:
    """What is published is what the clicks say, and every list behind the first snapshot names its own."""
    stream = make_stream(broker, counting_artifact.folder, f"counts-{uuid.uuid4().hex[:8]}", max_batch_records=20)
    clicks = make_clicks(7)
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
    # Partitions were claimed anew in a later generation of the group.
    epochs = [decode_key(one.key).epoch for one in stream.read_all(stream.settings.counts_topic)]
    assert max(epochs) >= claim_time((min(epochs) >> 32) + 1, 0)
    lists = [json.loads(one.value) for one in stream.lists(CLICKS)]
    named = [one for one in lists if "counts" in one]
    assert len(named) > CLICKS / 2
    assert {one["strategy"] for one in named} <= {"personal", "trending"}


def all_are_applied(stream: Stream) -> bool:
    """Tell whether every user's state stands for all his clicks."""
    return sum(state.clicks for state in stream.decoded_states().values()) == CLICKS
