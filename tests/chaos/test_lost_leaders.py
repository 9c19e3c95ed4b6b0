"""A broker that alone leads some of what a worker needs dies, the others go on: the worker is not ready."""

import os
from pathlib import Path

import pytest

from export.artifact import Artifact
from nextclick.topics import create_topics, planned_topics
from tests.chaos.kafka_cluster import KafkaCluster
from tests.chaos.worker_slots import WorkerSlot
from tests.factories import make_tiny_artifact
from tests.integration.counting_clicks import RECIPE
from tests.integration.harness import Stream, plan_stream, wait_until
from workers.kafka_admin import connected_admin

pytestmark = [pytest.mark.kafka, pytest.mark.chaos]

PARTITIONS = 6
# Kafka takes a broker for dead after 9 s, and the worker asks every 5.
SAYS_SO_WITHIN_S = 60.0
BACK_WITHIN_S = 120.0
SILENT = "nextclick_broker_silence_seconds"


def cluster_script() -> str:
    script = os.environ.get("NEXTCLICK_TEST_KAFKA_CLUSTER")
    if not script:
        pytest.skip("no brokers that may be broken: NEXTCLICK_TEST_KAFKA_CLUSTER names the script that starts them")
    return script


def leader(bootstrap_servers: str, topic: str) -> int:
    """Return the node that leads a topic of one partition; they count from 0."""
    with connected_admin(bootstrap_servers) as admin:
        (described,) = admin.describe_topics([topic])
    return int(described["partitions"][0]["leader_id"]) - 1


def click(number: int) -> dict[str, object]:
    """A click of one of many users: every partition has some."""
    return {"user_id": f"user-{number % 40}", "item_id": "item-01", "timestamp_ms": 1_700_000_000_000 + number}


def require_lists(stream: Stream, numbers: range) -> None:
    """Send these clicks; each gets its list, as all before them did."""
    stream.send(map(click, numbers))
    assert len(stream.lists(numbers.stop)) == numbers.stop


def test_a_worker_is_not_ready_while_nobody_leads_some_of_its_partitions(
    tiny_artifact: Artifact, tmp_path: Path
) -> None:
    """Other brokers answer it all the time; the partitions are back, and it is ready again by itself."""
    with KafkaCluster(cluster_script(), tmp_path / "kafka", nodes=3) as cluster:
        stream = plan_stream(cluster.bootstrap_servers, tiny_artifact.folder, "leaders")
        create_topics(
            cluster.bootstrap_servers, planned_topics(stream.settings), partitions=PARTITIONS, replication_factor=1
        )
        slot = WorkerSlot("worker", stream.environment, tmp_path)
        try:
            slot.start()
            slot.wait_until_ready()
            require_lists(stream, range(40))
            cluster.kill(1)
            wait_until(lambda: slot.page("/readyz")[0] == 503, SAYS_SO_WITHIN_S)
            assert "nobody leads leaders-" in slot.page("/readyz")[1]
            assert slot.metrics()[SILENT] < 5
            assert 0 < slot.metrics()["nextclick_partitions_without_leader"] < 3 * PARTITIONS
            cluster.restart(1)
            wait_until(lambda: slot.page("/readyz")[0] == 200, BACK_WITHIN_S)
            require_lists(stream, range(40, 80))
            assert slot.exit_code is None
        finally:
            slot.close()


def test_a_worker_is_not_ready_while_nobody_leads_the_counts_topic(tmp_path: Path) -> None:
    """All else has other leaders by then: without the counts topic no list could be published."""
    artifact = make_tiny_artifact(tmp_path / "artifact", counts=RECIPE)
    with KafkaCluster(cluster_script(), tmp_path / "kafka", nodes=3) as cluster:
        stream = plan_stream(cluster.bootstrap_servers, artifact.folder, "counts")
        counts, plan = stream.settings.counts_topic, planned_topics(stream.settings)
        for replicas, topics in ((1, [one for one in plan if one.name == counts]), (3, plan)):
            create_topics(cluster.bootstrap_servers, topics, partitions=PARTITIONS, replication_factor=replicas)
        slot = WorkerSlot("worker", stream.environment, tmp_path)
        try:
            slot.start()
            slot.wait_until_ready()
            require_lists(stream, range(40))
            lost = leader(cluster.bootstrap_servers, counts)
            cluster.kill(lost)
            wait_until(lambda: f"nobody leads {counts}/0" in slot.page("/readyz")[1], SAYS_SO_WITHIN_S)
            assert slot.page("/readyz")[0] == 503
            wait_until(lambda: slot.metrics()["nextclick_partitions_without_leader"] == 1, SAYS_SO_WITHIN_S)
            cluster.restart(lost)
            wait_until(lambda: slot.page("/readyz")[0] == 200, BACK_WITHIN_S)
            require_lists(stream, range(40, 80))
            assert slot.exit_code is None
        finally:
            slot.close()
