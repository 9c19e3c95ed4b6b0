"""The Faust app: `faust -A workers.app worker`, and what `nextclick worker` starts."""

import asyncio
import gc
from functools import partial
from typing import cast

import structlog
from faust.types import StreamT, TopicT
from mode import CrashingSupervisor

from export.artifact import Artifact, load_artifact
from models.errors import NextclickError
from workers.assembly import (
    ServedModel,
    build_counts,
    build_leader_watch,
    build_pipeline,
    build_rekeyer,
    build_user_lists,
    serve_model,
    wall_clock_ms,
)
from workers.batch_consumer import batch_consumer
from workers.broker_watch import LOOK_INTERVAL_S, BrokerWatch, consumer_client
from workers.changelog_reader import ChangelogReader
from workers.click_log_check import ClickLogCheck
from workers.counts_beside import CountsBeside
from workers.counts_follower import CountsFollower
from workers.faust_options import faust_options, store_url
from workers.fetched_records import FetchedRecords
from workers.forwarding import OtherWorkers
from workers.item_bias import load_item_bias
from workers.logs import LoggedUserIds, configure_structlog
from workers.metrics import WorkerMetrics
from workers.micro_batches import micro_batches
from workers.ports import BatchAbandoned
from workers.preflight import TopicLayout, check_store, check_topics, counts_recipe
from workers.readiness import Readiness
from workers.recommender import Recommender
from workers.record_batches import RecordBatchWriter
from workers.record_sizes import DEAD_LETTER_BYTES
from workers.rejection_alarm import RejectionAlarm
from workers.served_counts import ServedCounts
from workers.settings import Settings, load_settings
from workers.state_restorer import StateRestorer
from workers.stores.base import StateRecordStore
from workers.streaming_app import StreamingApp
from workers.user_list_page import CLOSED, PREFIX, UserListPage
from workers.user_owners import UserOwners
from workers.web import add_pages, add_user_list_page
from workers.web_access import UserPageAccess

log = structlog.get_logger("nextclick")

# Whole batches go out in one request; 16 KiB, the client's default, would hold 15 lists.
BATCH_BYTES = 1 << 20
MEASURE_INTERVAL_S = 5.0
# Counts are read some ten times a second, not with every micro-batch of every worker: they change with a bucket.
COUNTS_FETCH_BYTES = 1 << 18


class RecommenderApp(StreamingApp):
    """The worker as a Faust app.

    Args:
        settings: What it was told.
        artifact: The model that it serves.

    Raises:
        SettingsError: If the item bias cannot be read.
    """

    def __init__(self, settings: Settings, artifact: Artifact) -> None:
        super().__init__(settings.app_id, **faust_options(settings))
        self.settings = settings
        self.artifact = artifact
        self.item_bias = load_item_bias(settings.item_bias_file, artifact.vocabulary)
        self.counts_clicks = counts_recipe(settings, artifact) is not None
        self.counts: CountsBeside | None = None
        self.counts_follower: CountsFollower | None = None
        self.metrics = WorkerMetrics()
        self.metrics.describe_model(artifact.manifest)
        self.readiness = Readiness(self.metrics)
        self.user_list_page: UserListPage | None = None
        # Restored from its changelog before a click flows. Its name gives the changelog's: Settings.changelog_topic.
        # Any other table of the app has Faust's own store.
        self.user_states = self.Table("user-state", key_type=bytes, value_type=bytes, store=store_url(settings))
        self.store = cast(StateRecordStore, self.user_states.data)

    async def on_first_start(self) -> None:
        """Connect the writers and put the pipeline together, before the consumer starts."""
        await super().on_first_start()
        settings = self.settings
        layout = await asyncio.to_thread(partial(check_topics, settings, counts=self.counts_clicks))
        writer, state_writer = self.writers = (await self._connected_writer(), await self._connected_writer())
        self.leader_watch = build_leader_watch(settings, counts=self.counts_clicks)
        self.add_dependency(self.leader_watch)
        await self.leader_watch.maybe_start()
        reader = await self._connected_reader(settings.changelog_topic)
        self.restorer = StateRestorer(self.store, reader, self.readiness)
        model = serve_model(settings, self.artifact, self.item_bias)
        counts = self.counts = build_counts(
            settings,
            self.artifact,
            self.item_bias,
            caught_up=self._counts_caught_up,
            generation=lambda: self.consumer_generation_id,
        )
        if counts is not None:
            await self._follow_counts(counts.served)
        pipeline = build_pipeline(
            settings,
            self.artifact,
            model=model,
            store=self.store,
            writer=writer,
            state_writer=state_writer,
            layout=layout,
            counts=counts,
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
            counts=self.counts_follower,
        )
        self.rekeyer = build_rekeyer(settings, writer=writer, layout=layout)
        self.user_list_page = self._user_list_page(model, layout, counts)
        # What was made by now stays; the vocabulary alone has an object an item. No collection need look at it again.
        gc.collect()
        gc.freeze()
        self.readiness.model_is_warm()
        log.info("Model is warm", model_id=self.artifact.manifest.model_id, items=self.artifact.manifest.item_count)

    def _user_list_page(self, model: ServedModel, layout: TopicLayout, counts: CountsBeside | None) -> UserListPage:
        settings = self.settings
        # Faust's configuration, not our settings: `faust worker --web-bind` changes it.
        access = UserPageAccess(settings.web_token, self.conf.web_bind)
        if access.is_closed:
            log.warning(CLOSED, page=f"{PREFIX}{{user_id}}")
        return UserListPage(
            access=access,
            readiness=self.readiness,
            owners=UserOwners(
                self,
                partitions=layout.partitions,
                # A click that was keyed anew is where its key says, whoever sent it.
                partitioner="murmur2" if settings.rekey else settings.partitioner,
            ),
            store=self.store,
            lists=build_user_lists(settings, self.artifact, model, counts),
            others=OtherWorkers(lambda: self.http_client),
            max_id_bytes=settings.max_id_bytes,
        )

    async def _follow_counts(self, served: ServedCounts) -> None:
        """Read what everyone counted; return once all of it is read that is there."""
        reader = await self._connected_reader(self.settings.counts_topic, fetch_bytes=COUNTS_FETCH_BYTES)
        self.counts_follower = CountsFollower(reader, served)
        self.add_dependency(self.counts_follower)
        with self.readiness.reading_counts():
            await self.counts_follower.maybe_start()

    async def _counts_caught_up(self, end: int) -> None:
        if self.counts_follower is not None:
            await self.counts_follower.caught_up(end)

    async def _connected_reader(self, topic: str, *, fetch_bytes: int = 1) -> ChangelogReader:
        servers, security = self.settings.bootstrap_servers, self.settings.kafka_security
        reader = ChangelogReader(servers, topic, security=security, fetch_bytes=fetch_bytes)
        self.add_dependency(reader)
        await reader.maybe_start()
        return reader

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
    add_user_list_page(app, lambda: app.user_list_page)
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
        app.metrics.set_unprocessed({tp.partition: consumer.unprocessed(tp) for tp in tps})
        app.metrics.set_uncommitted({tp.partition: consumer.uncommitted(tp) for tp in tps})
        app.metrics.set_in_hand(batches=consumer.batches_in_flight, tasks=len(asyncio.all_tasks()))
        ends = {tp.partition: consumer.highwater(tp) for tp in tps} if app.readiness.is_ready else {}
        app.metrics.set_offsets_ahead(click_log_check.offsets_ahead(app.store.newest_clicks, ends))
        app.metrics.set_restored(set_aside=len(app.store.set_aside), stale=app.store.stale_records)
        if app.counts is not None and app.counts_follower is not None:
            app.metrics.count_counted(app.counts.counting.take_outcomes())
            app.metrics.set_counts(app.counts.served, lag=app.counts_follower.lag, now_ms=wall_clock_ms())


def _batch_topic(app: RecommenderApp, name: str) -> TopicT:
    """Return a topic whose fetched batches reach the agent as they are, and whose offsets we commit."""
    return app.topic(name, key_serializer="raw", value_serializer="raw", acks=False)


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
