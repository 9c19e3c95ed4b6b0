"""Faust's Kafka transport as nextclick needs it: `BatchConsumer`, the true end of a changelog, a short fetch wait.

Registered for the URL scheme `nextclick://` by the entry point group `faust.transports`. With `batch_consumer.py`,
`state_tables.py` and `group_membership.py` it knows the internals of Faust and of its client.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import cast

import aiokafka
from aiokafka.consumer.group_coordinator import GroupCoordinator
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode import Service

from workers import lenient_records
from workers.batch_consumer import BatchConsumer
from workers.group_membership import GroupMembership
from workers.log_ends import true_ends
from workers.session_lease import SessionLease
from workers.streaming_app import StreamingApp

GROUP_CHECK_INTERVAL_S = 1.0


class BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that talks to Kafka."""

    def __post_init__(self) -> None:
        super().__post_init__()
        settings = cast(StreamingApp, self.app).settings
        self._membership = GroupMembership(
            settings.app_id, settings.group_instance_id, settings.bootstrap_servers, settings.kafka_security
        )
        self.lease = SessionLease(settings.session_timeout_s)

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        # No fetch may raise for what a producer has put into a record.
        lenient_records.install()
        consumer = super()._create_worker_consumer(transport)
        settings = cast(StreamingApp, self.app).settings
        # Faust hard-codes 1500 ms. A broker that does not wake a waiting fetch then adds half of it to every click.
        _set(consumer, "_fetch_max_wait_ms", settings.fetch_wait_ms)
        # A click of an aborted transaction never happened. Without transactions this changes nothing.
        _set(consumer, "_isolation_level", "read_committed")
        return consumer

    async def stay_member(self) -> None:
        """Count as alive while there is nothing to fetch: a worker that waits for its turn, or is a standby alone.

        The client library takes one that has not fetched for `broker_max_poll_interval` for dead: it leaves the group,
        and never joins again.
        """
        await self.call_thread(self._count_as_fetch)

    async def _count_as_fetch(self) -> None:
        with self._ensure_consumer()._subscription.fetch_context():  # noqa: SLF001 - as Faust's own fetch does
            pass

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Take the partitions; the worker is a member now."""
        self._membership.joined(self._coordinator())
        self.lease.joined(self._coordinator())
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let go of the partitions.

        Raises:
            asyncio.CancelledError: If another worker has this one's name: after anything else the library joins again.
        """
        await super().on_partitions_revoked(revoked)
        if not await self._membership.may_join_again(self._coordinator()):
            raise asyncio.CancelledError

    def _stopped_set(self) -> None:
        try:
            super()._stopped_set()
        except RuntimeError:
            # A crash has ended the thread and closed its loop: there is nobody left to tell.
            if not self.thread_loop.is_closed():
                raise

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek to the committed offsets, and to the beginning where nothing is committed yet.

        The client library leaves such a partition where it is: what had been fetched of it before would be lost.
        """
        committed: Mapping[TP, int] = await super().seek_to_committed()
        changelogs = self.app.tables.changelog_topics
        new = [tp for tp, offset in committed.items() if not offset and tp.topic not in changelogs]
        if new:
            await self.seek_to_beginning(*new)
        return committed

    def check_group(self) -> None:
        """Return while this worker can be a member of its group.

        Raises:
            BrokerError: If it cannot.
        """
        coordinator = None if self._consumer is None else self._coordinator()
        # None until the client has reached a broker.
        if coordinator is not None:
            self._membership.check(coordinator)

    def _coordinator(self) -> GroupCoordinator:
        coordinator: GroupCoordinator = self._ensure_consumer()._coordinator  # noqa: SLF001 - no other way to it
        return coordinator

    async def _highwaters(self, partitions: Collection[TP]) -> Mapping[TP, int]:
        """Return the true end of each partition; Faust seeks to where it wants to read afterwards."""
        ends = await true_ends(self._ensure_consumer(), partitions)
        return {tp: end.offset for tp, end in ends.items()}


def _set(consumer: aiokafka.AIOKafkaConsumer, name: str, value: object) -> None:
    """Change what Faust gave the consumer, before it starts."""
    if not hasattr(consumer, name):
        raise RuntimeError(f"aiokafka has renamed {name}: update workers/transport.py.")
    setattr(consumer, name, value)


class TransportConsumer(BatchConsumer):
    """`BatchConsumer` over our thread."""

    _thread: BatchConsumerThread

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def lease(self) -> SessionLease:
        """How long the partitions are surely ours."""
        return self._thread.lease

    async def _stay_member(self) -> None:
        await self._thread.stay_member()

    @Service.task
    async def _watch_group(self) -> None:
        while not self.should_stop:
            self._thread.check_group()
            await self.sleep(GROUP_CHECK_INTERVAL_S)


class Transport(driver.Transport):
    """Faust's aiokafka transport with `BatchConsumer`."""

    Consumer = TransportConsumer
