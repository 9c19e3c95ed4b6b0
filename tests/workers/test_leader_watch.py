"""Which partitions nobody leads, read from what brokers answer."""

import asyncio
from pathlib import Path

import pytest
from aiokafka.cluster import ClusterMetadata
from aiokafka.protocol.metadata import MetadataResponse_v1
from aiokafka.structs import TopicPartition

from workers.assembly import build_leader_watch
from workers.leader_watch import NO_LEADER
from workers.settings import load_settings

ANY_BROKER = 1


class AnsweredClient:
    """A client whose brokers said once who leads the topics that it asks for.

    Attributes:
        lost: The partitions that nobody leads.
    """

    lost: frozenset[tuple[str, int]] = frozenset()

    def __init__(self, **_: object) -> None:
        self.cluster = ClusterMetadata()

    async def bootstrap(self) -> None:
        """Find a broker."""

    async def set_topics(self, topics: tuple[str, ...]) -> None:
        """Take the answer of a broker in."""
        described = [(0, topic, False, [self._partition(topic, number) for number in range(2)]) for topic in topics]
        self.cluster.update_metadata(MetadataResponse_v1([(ANY_BROKER, "127.0.0.1", 1, None)], ANY_BROKER, described))

    async def close(self) -> None:
        """Disconnect."""

    def _partition(self, topic: str, number: int) -> tuple[int, int, int, list[int], list[int]]:
        """Return what is wrong with it, its number, who leads it, who has copies, and whose are not behind."""
        leader = NO_LEADER if (topic, number) in self.lost else ANY_BROKER
        return (0, number, leader, [ANY_BROKER], [ANY_BROKER])


async def without_leader(artifact: Path, *, counts: bool, owned: list[int]) -> list[TopicPartition]:
    watch = build_leader_watch(load_settings(artifact=artifact), counts=counts)
    async with watch:
        return watch.without_leader(owned)


@pytest.mark.parametrize(
    ("lost", "counts", "owned", "missing"),
    [
        ((), True, [0, 1], []),
        ((("clicks", 0), ("recommendations", 1)), True, [1], [("recommendations", 1)]),
        ((("nextclick.counts", 0),), True, [1], [("nextclick.counts", 0)]),
        ((("nextclick.counts", 0),), True, [], [("nextclick.counts", 0)]),
        ((("nextclick.counts", 0),), False, [0, 1], []),
    ],
    ids=["all are led", "another worker's", "counts", "counts of a worker that owns nothing", "nobody counts"],
)
def test_it_names_what_this_worker_needs_and_nobody_leads(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    lost: tuple[tuple[str, int], ...],
    counts: bool,
    owned: list[int],
    missing: list[tuple[str, int]],
) -> None:
    """Of clicks, lists and states the partitions that it owns; of counts the one that there is, where it counts."""
    monkeypatch.setattr(AnsweredClient, "lost", frozenset(lost))
    monkeypatch.setattr("workers.leader_watch.AIOKafkaClient", AnsweredClient)
    assert asyncio.run(without_leader(tmp_path, counts=counts, owned=owned)) == missing
