"""Faust's Kafka transport as nextclick needs it: `BatchConsumer`, the true end of a changelog, a short fetch wait.

Registered for the URL scheme `nextclick://` by the entry point group `faust.transports`. With `batch_consumer.py` it is
the one place that knows Faust's internals.
"""

from collections.abc import Collection, Mapping
from typing import cast

import aiokafka
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from workers.batch_consumer import BatchConsumer
from workers.log_ends import true_ends
from workers.streaming_app import StreamingApp


class BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that talks to Kafka."""

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        settings = cast(StreamingApp, self.app).settings
        # Faust hard-codes 1500 ms. A broker that does not wake a waiting fetch then adds half of it to every click.
        _set(consumer, "_fetch_max_wait_ms", settings.fetch_wait_ms)
        # A click of an aborted transaction never happened. Without transactions this changes nothing.
        _set(consumer, "_isolation_level", "read_committed")
        return consumer

    async def _highwaters(self, partitions: Collection[TP]) -> Mapping[TP, int]:
        """Return the true end of each partition; Faust seeks to where it wants to read afterwards."""
        return await true_ends(self._ensure_consumer(), partitions)


def _set(consumer: aiokafka.AIOKafkaConsumer, name: str, value: object) -> None:
    """Change what Faust gave the consumer, before it starts."""
    if not hasattr(consumer, name):
        raise RuntimeError(f"aiokafka has renamed {name}: update workers/transport.py.")
    setattr(consumer, name, value)


class TransportConsumer(BatchConsumer):
    """`BatchConsumer` over our thread."""

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)


class Transport(driver.Transport):
    """Faust's aiokafka transport with `BatchConsumer`."""

    Consumer = TransportConsumer
