"""The Faust app: `faust -A workers.app worker`, and what `nextclick worker` starts."""

import asyncio
import gc
from typing import Any, cast
from urllib.parse import quote

import structlog
from faust.auth import Credentials, SASLCredentials, SSLCredentials
from faust.types import StreamT, TopicT
from mode import CrashingSupervisor
from yarl import URL

from export.artifact import Artifact, load_artifact
from models.errors import NextclickError
from workers.assembly import build_pipeline, build_rekeyer
from workers.batch_consumer import batch_consumer
from workers.broker_watch import LOOK_INTERVAL_S, BrokerWatch, consumer_client
from workers.changelog_reader import ChangelogReader
from workers.click_log_check import ClickLogCheck
from workers.fetched_records import FetchedRecords
from workers.item_bias import load_item_bias
from workers.kafka_admin import DEAD_LETTER_BYTES
from workers.kafka_security import KafkaSecurity
from workers.leader_watch import LeaderWatch
from workers.logs import LoggedUserIds, configure_structlog, logging_config
from workers.metrics import WorkerMetrics
from workers.micro_batches import micro_batches
from workers.ports import BatchAbandoned
from workers.preflight import check_store, check_topics
from workers.process import RecommenderWorker
from workers.readiness import Readiness
from workers.recommender import Recommender
from workers.record_batches import RecordBatchWriter
from workers.rejection_alarm import RejectionAlarm
from workers.settings import Settings, load_settings
from workers.state_restorer import StateRestorer
from workers.state_tables import StateTableManager
from workers.stores.base import StateRecordStore
from workers.streaming_app import StreamingApp
from workers.web import add_pages

log = structlog.get_logger("nextclick")

# Whole batches go out in one request; 16 KiB, the client's default, would hold 15 lists.
BATCH_BYTES = 1 << 20
MEASURE_INTERVAL_S = 5.0
# The consumer's for one request, a broker that hangs is given up; the client library's default.
CONNECTION_TIMEOUT_S = 40
# Between the consumer and the agent, each of at most `max_batch_records`: what bounds memory while the broker is slow.
QUEUED_FETCHES = 8


class RecommenderApp(StreamingApp):
    """The worker as a Faust app.

    Args:
        settings: What it was told.
        artifact: The model that it serves.

    Raises:
        SettingsError: If the item bias cannot be read.
    """

    def __init__(self, settings: Settings, artifact: Artifact) -> None:
        super().__init__(settings.app_id, **_faust_options(settings))
        self.settings = settings
        self.artifact = artifact
        self.item_bias = load_item_bias(settings.item_bias_file, artifact.vocabulary)
        self.metrics = WorkerMetrics()
        self.metrics.describe_model(artifact.manifest)
        self.readiness = Readiness(self.metrics)
        # Restored from its changelog before a click flows. Its name gives the changelog's: Settings.changelog_topic.
        # Any other table of the app has Faust's own store.
        self.user_states = self.Table("user-state", key_type=bytes, value_type=bytes, store=_store_url(settings))
        self.store = cast(StateRecordStore, self.user_states.data)

    async def on_first_start(self) -> None:
        """Connect the writers and put the pipeline together, before the consumer starts."""
        await super().on_first_start()
        settings = self.settings
        layout = await asyncio.to_thread(check_topics, settings)
        writer, state_writer = self.writers = (await self._connected_writer(), await self._connected_writer())
        topics = (settings.source_topic, settings.recommendations_topic, settings.changelog_topic)
        self.leader_watch = LeaderWatch(settings.bootstrap_servers, security=settings.kafka_security, topics=topics)
        self.add_dependency(self.leader_watch)
        await self.leader_watch.maybe_start()
        reader = ChangelogReader(settings.bootstrap_servers, settings.changelog_topic, security=settings.kafka_security)
        self.add_dependency(reader)
        await reader.maybe_start()
        self.restorer = StateRestorer(self.store, reader, self.readiness)
        pipeline = build_pipeline(
            settings,
            self.artifact,
            item_bias=self.item_bias,
            store=self.store,
            writer=writer,
            state_writer=state_writer,
            layout=layout,
        )
        self.recommender = Recommender(
            self,
            pipeline,
            self.metrics,
            batches_in_flight=settings.batches_in_flight,
            full_batch=settings.max_batch_records,
            user_ids=LoggedUserIds(
                settings.log_user_ids,
                None if settings.log_user_id_key is None else settings.log_user_id_key.get_secret_value(),
            ),
        )
        self.rekeyer = build_rekeyer(settings, writer=writer, layout=layout)
        # What was made by now stays; the vocabulary alone has an object an item. No collection need look at it again.
        gc.collect()
        gc.freeze()
        self.readiness.model_is_warm()
        log.info("Model is warm", model_id=self.artifact.manifest.model_id, items=self.artifact.manifest.item_count)

    async def _connected_writer(self) -> RecordBatchWriter:
        settings = self.settings
        writer = RecordBatchWriter(
            settings.bootstrap_servers,
            security=settings.kafka_security,
            batch_bytes=BATCH_BYTES,
            request_bytes=DEAD_LETTER_BYTES,
            request_timeout_ms=settings.request_timeout_s * 1000,
            compression=None if settings.compression == "none" else settings.compression,
        )
        self.add_dependency(writer)
        await writer.maybe_start()
        return writer


def create_app(settings: Settings) -> RecommenderApp:
    """Return the app, not started; nothing of Kafka is touched.

    Raises:
        ArtifactError: If the settings' artifact cannot be served.
        SettingsError: If the item bias cannot be read, or the store's library is not installed.
    """
    configure_structlog()
    check_store(settings)
    app = RecommenderApp(settings, load_artifact(settings.artifact))
    add_pages(app, app.metrics, app.readiness)
    _add_agents(app)
    _follow_rebalances(app)
    _measure(app)
    return app


def _add_agents(app: RecommenderApp) -> None:
    settings = app.settings

    # A raise ends the worker: Faust's default would go on with the next event, and `last_offset` would then turn the
    # failed clicks into clicks that were applied.
    @app.agent(_batch_topic(app, settings.source_topic), name="recommend", supervisor_strategy=CrashingSupervisor)
    async def recommend(stream: StreamT[FetchedRecords]) -> None:
        async for batch in micro_batches(stream, settings.max_batch_records):
            await app.recommender.process(batch)

    if settings.rekey:
        alarm = RejectionAlarm()

        @app.agent(_batch_topic(app, settings.clicks_topic), name="rekey", supervisor_strategy=CrashingSupervisor)
        async def rekey(stream: StreamT[FetchedRecords]) -> None:
            async for batch in micro_batches(stream, settings.max_batch_records):
                try:
                    with batch_consumer(app).batch_in_flight() as in_flight:
                        rekeyed, dead_letters = await app.rekeyer.process(batch.records)
                        in_flight.done(batch.next_offsets)
                except BatchAbandoned as abandoned:
                    # Its partitions are moving: whoever gets them fetches it again.
                    log.warning("Batch abandoned", records=len(batch.records), reason=str(abandoned))
                    continue
                app.metrics.count_rekeyed(rekeyed, dead_letters)
                alarm.observe(len(batch.records), dead_letters)


def _measure(app: RecommenderApp) -> None:
    """Keep the gauges that no batch moves."""
    click_log_check = ClickLogCheck(app.settings.source_topic)
    broker_watch = BrokerWatch()

    @app.timer(LOOK_INTERVAL_S)  # type: ignore[untyped-decorator]  # Faust types all decorators but this
    async def _listen_for_brokers() -> None:
        app.readiness.broker_is_silent(broker_watch.silence_s(consumer_client(app)))
        app.readiness.leaders_are_missing(app.leader_watch.without_leader(_owned_partitions(app)))

    @app.timer(MEASURE_INTERVAL_S)  # type: ignore[untyped-decorator]
    async def _measure_now() -> None:
        consumer = batch_consumer(app)
        tps = [tp for tp in consumer.assignment() if tp.topic == app.settings.source_topic]
        app.metrics.set_lag({tp.partition: await consumer.lag(tp) for tp in tps} if app.readiness.is_ready else {})
        app.metrics.set_uncommitted({tp.partition: consumer.uncommitted(tp) for tp in tps})
        app.metrics.set_in_hand(batches=consumer.batches_in_flight, tasks=len(asyncio.all_tasks()))
        ends = {tp.partition: consumer.highwater(tp) for tp in tps} if app.readiness.is_ready else {}
        app.metrics.set_offsets_ahead(click_log_check.offsets_ahead(app.store.newest_clicks, ends))
        app.metrics.set_restored(set_aside=len(app.store.set_aside), stale=app.store.stale_records)


def _batch_topic(app: RecommenderApp, name: str) -> TopicT:
    """Return a topic whose fetched batches reach the agent as they are, and whose offsets we commit."""
    return app.topic(name, key_serializer="raw", value_serializer="raw", acks=False, maxsize=QUEUED_FETCHES)


def _follow_rebalances(app: RecommenderApp) -> None:
    @app.on_partitions_revoked.connect(weak=False)
    async def _revoked(_app: RecommenderApp, *_: object, **__: object) -> None:
        app.readiness.states_are_moving()
        for writer in app.writers:
            writer.let_go()

    @app.on_rebalance_complete.connect(weak=False)
    async def _restored(_app: RecommenderApp, *_: object, **__: object) -> None:
        app.readiness.states_are_restored()
        log.info("User states are restored, clicks flow", partitions=_owned_partitions(app))


def _owned_partitions(app: RecommenderApp) -> list[int]:
    return sorted(tp.partition for tp in app.consumer.assignment() if tp.topic == app.settings.source_topic)


def _store_url(settings: Settings) -> str:
    if settings.store == "rocksdb":
        # Quoted: a `#` or `?` in a folder's name means something else in a URL.
        return f"nextclick-rocksdb://{quote(str(settings.state_folder.resolve() / settings.app_id))}"
    # With a host: Faust takes a URL that is a scheme alone for none.
    return "nextclick-memory://user-state"


def _faust_options(settings: Settings) -> dict[str, Any]:
    return {
        "broker": [URL(f"nextclick://{server.strip()}") for server in settings.bootstrap_servers.split(",")],
        "broker_credentials": _faust_credentials(settings.kafka_security),
        "broker_session_timeout": settings.session_timeout_s,
        "broker_heartbeat_interval": max(1.0, settings.session_timeout_s / 10),
        "broker_request_timeout": max(
            min(settings.request_timeout_s, CONNECTION_TIMEOUT_S), settings.session_timeout_s
        ),
        "broker_commit_interval": settings.commit_interval_s,
        "broker_max_poll_records": settings.max_batch_records,
        "consumer_auto_offset_reset": "earliest",
        "consumer_group_instance_id": settings.group_instance_id,
        # Part of an assignment, which a worker that comes back under its name gets again: its address may have changed.
        "canonical_url": settings.group_instance_id and URL(f"http://{settings.group_instance_id}"),
        "key_serializer": "raw",
        "value_serializer": "raw",
        "table_standby_replicas": settings.standby_replicas,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "web_bind": settings.web_host,
        "web_host": settings.web_host,
        "web_port": settings.web_port,
        # Faust's own pages show tables and settings to whoever asks.
        "web_tables_enabled": False,
        "web_router_enabled": False,
        "web_graph_enabled": False,
        "web_stats_enabled": False,
        "web_metrics_enabled": False,
        "TableManager": StateTableManager,
        "Worker": RecommenderWorker,
        "logging_config": logging_config(settings.log_format, settings.log_level),
        "worker_redirect_stdouts": False,
    }


def _faust_credentials(security: KafkaSecurity) -> Credentials | None:
    context = security.ssl_context
    if security.mechanism is not None:
        return SASLCredentials(
            username=security.username, password=security.password, ssl_context=context, mechanism=security.mechanism
        )
    return None if context is None else SSLCredentials(context)


def __getattr__(name: str) -> RecommenderApp:
    """Make `app` when `faust -A workers.app worker` asks for it: importing this module reads nothing."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        app = create_app(load_settings())
    except NextclickError as error:
        raise SystemExit(f"nextclick: {error}") from error
    globals()["app"] = app
    return app
