"""Which partitions nobody leads that this worker needs: clicks, lists, states or counts stand still then.

Asked of the cluster every few seconds, over a connection of its own: a client that waits for one broker asks nobody.
"""

from collections.abc import Iterable

from aiokafka.client import AIOKafkaClient
from aiokafka.structs import TopicPartition
from mode import Service

from workers.kafka_security import KafkaSecurity

ASK_INTERVAL_MS = 5_000
# A broker that hangs is given up, and the next one asked.
ANSWER_TIMEOUT_MS = 5_000
NO_LEADER = -1


class LeaderWatch(Service):
    """Looks after the leaders of the partitions that a worker owns.

    Args:
        bootstrap_servers: Brokers, comma separated.
        security: How to talk to them.
        topics: Those of which the worker needs each partition that it owns.
        shared: The partitions that it needs whichever it owns.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        *,
        security: KafkaSecurity,
        topics: Iterable[str],
        shared: Iterable[TopicPartition] = (),
    ) -> None:
        super().__init__()
        self._bootstrap_servers = bootstrap_servers
        self._security = security
        self._topics = tuple(topics)
        self._shared = tuple(shared)
        self._client: AIOKafkaClient | None = None

    async def on_start(self) -> None:
        """Connect; from now on the client asks by itself."""
        self._client = AIOKafkaClient(
            bootstrap_servers=self._bootstrap_servers,
            metadata_max_age_ms=ASK_INTERVAL_MS,
            request_timeout_ms=ANSWER_TIMEOUT_MS,
            **self._security.client_options(),
        )
        await self._client.bootstrap()
        await self._client.set_topics((*self._topics, *(one.topic for one in self._shared)))

    async def on_stop(self) -> None:
        """Disconnect."""
        if self._client is not None:
            await self._client.close()

    def without_leader(self, owned: Iterable[int]) -> list[TopicPartition]:
        """Return which partitions nobody leads, of those that the worker owns and of the shared ones."""
        if self._client is None:
            return []
        leader_of = self._client.cluster.leader_for_partition
        needed = [TopicPartition(topic, number) for number in owned for topic in self._topics]
        return [one for one in (*needed, *self._shared) if leader_of(one) == NO_LEADER]
