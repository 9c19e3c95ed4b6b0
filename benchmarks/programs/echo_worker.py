"""The empty echo: each click goes out as it came in, over the worker's own consumer and writer; no model, no state.

What the worker takes longer than this is what it does; what this takes is the broker, the transport and the load.
"""

from collections.abc import Sequence

from faust.types import StreamT
from mode import CrashingSupervisor
from yarl import URL

from workers.batch_consumer import batch_consumer
from workers.events import OutgoingRecord
from workers.faust_options import CONNECTION_TIMEOUT_S
from workers.fetched_records import FetchedRecords
from workers.logs import configure_structlog, logging_config
from workers.micro_batches import MicroBatch, micro_batches
from workers.record_batches import RecordBatchWriter
from workers.settings import Settings, load_settings
from workers.streaming_app import StreamingApp

BATCH_BYTES = 1 << 20


class EchoApp(StreamingApp):
    """A Faust app over the worker's transport.

    Args:
        settings: Broker, topics and consumer group.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            settings.app_id,
            broker=[URL(f"nextclick://{server}") for server in settings.bootstrap_servers.split(",")],
            broker_session_timeout=settings.session_timeout_s,
            broker_heartbeat_interval=max(1.0, settings.session_timeout_s / 10),
            broker_request_timeout=max(CONNECTION_TIMEOUT_S, settings.session_timeout_s),
            broker_commit_interval=settings.commit_interval_s,
            broker_max_poll_records=settings.max_batch_records,
            consumer_auto_offset_reset="earliest",
            key_serializer="raw",
            value_serializer="raw",
            topic_allow_declare=False,
            topic_disable_leader=True,
            web_enabled=False,
            # The worker's own: a library that formats lines for nobody would pass for the transport's time.
            logging_config=logging_config(settings.log_format, settings.log_level),
            worker_redirect_stdouts=False,
        )
        self.settings = settings

    async def on_first_start(self) -> None:
        """Connect the writer before the consumer starts."""
        await super().on_first_start()
        settings = self.settings
        self.writer = RecordBatchWriter(
            settings.bootstrap_servers,
            security=settings.kafka_security,
            batch_bytes=BATCH_BYTES,
            request_bytes=BATCH_BYTES,
            request_timeout_ms=settings.request_timeout_s * 1000,
            compression=None,
        )
        self.add_dependency(self.writer)
        await self.writer.maybe_start()

    async def echo(self, batch: MicroBatch) -> None:
        """Write a micro-batch's records, wait for the broker, and let the offsets move."""
        with batch_consumer(self).batch_in_flight() as in_flight:
            acknowledgement = await self.writer.send(_echoes(batch, self.settings.recommendations_topic))
            await acknowledgement
            in_flight.done(batch.next_offsets)


def _echoes(batch: MicroBatch, topic: str) -> Sequence[OutgoingRecord]:
    return [OutgoingRecord(topic, record.partition, record.key, record.value) for record in batch.records]


def create_echo(settings: Settings) -> EchoApp:
    """Return the app, not started."""
    app = EchoApp(settings)
    clicks = app.topic(settings.clicks_topic, key_serializer="raw", value_serializer="raw", acks=False)

    @app.agent(clicks, supervisor_strategy=CrashingSupervisor)
    async def echo(stream: StreamT[FetchedRecords]) -> None:
        async for batch in micro_batches(stream, settings.max_batch_records):
            await app.echo(batch)

    return app


if __name__ == "__main__":
    configure_structlog()
    settings = load_settings()
    created = create_echo(settings)
    created.finalize()
    created.Worker(loglevel=settings.log_level, quiet=True).execute_from_commandline()
