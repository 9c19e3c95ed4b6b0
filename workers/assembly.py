"""Puts a worker's pipeline together from its settings and its artifact."""

import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import numpy as np
from aiokafka.structs import TopicPartition
from numpy.typing import NDArray

from export.artifact import Artifact
from export.reference_lists import check_ranking
from export.runtime import ModelRuntime, no_exclusions
from models.sequences.features import feature_width
from workers.claim_clock import claim_time, outside_any_group
from workers.click_counting import ClickCounting
from workers.counts_beside import CountsBeside, nobody_follows
from workers.decoding import ClickDecoder
from workers.leader_watch import LeaderWatch
from workers.loading import StateLoader
from workers.pipeline import OutputTopics, Pipeline
from workers.ports import RecordWriter, StateStore
from workers.preflight import TopicLayout, counts_recipe
from workers.prequential import PrequentialScorer
from workers.ranking import Ranker
from workers.rekeying import Rekeyer
from workers.served_counts import ServedCounts
from workers.settings import Settings
from workers.stepping import Stepper
from workers.user_lists import UserLists


def wall_clock_ms() -> int:
    """Return the wall clock in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def build_decoder(settings: Settings, *, check_key: bool) -> ClickDecoder:
    """Return the decoder of the click topic, or of the re-keyed one where keys are checked."""
    return ClickDecoder(
        field_map=settings.field_map,
        max_id_bytes=settings.max_id_bytes,
        max_future_ms=settings.max_future_s * 1000,
        check_key=check_key,
        now_ms=wall_clock_ms,
    )


class ServedModel(NamedTuple):
    """The model as this worker serves it.

    Attributes:
        runtime: Its graphs, warm.
        item_bias: Added to every list's scores, (V,).
        exclude_seen: Whether the items of a user's ring are left out.
    """

    runtime: ModelRuntime
    item_bias: NDArray[np.float32]
    exclude_seen: bool


def serve_model(settings: Settings, artifact: Artifact, item_bias: NDArray[np.float32]) -> ServedModel:
    """Return the model, warm and checked.

    Raises:
        ArtifactError: If onnxruntime cannot open a graph, or the lists are not good enough on this CPU.
    """
    runtime = ModelRuntime(artifact, threads=settings.onnx_threads)
    _warm(runtime)
    check_ranking(artifact, runtime)
    exclude_seen = artifact.manifest.exclude_seen if settings.exclude_seen is None else settings.exclude_seen
    return ServedModel(runtime, item_bias, exclude_seen)


def build_counts(
    settings: Settings,
    artifact: Artifact,
    item_bias: NDArray[np.float32],
    *,
    caught_up: Callable[[int], Awaitable[None]] = nobody_follows,
    generation: Callable[[], int] = outside_any_group,
) -> CountsBeside | None:
    """Return what ranks with everyone's clicks and counts this worker's; None where nobody counts.

    Args:
        settings: The worker's.
        artifact: The model's recipe and items.
        item_bias: Added to every list's scores whatever is counted, (V,).
        caught_up: Waits until every record of the counts topic below an offset is read; whoever publishes needs it.
        generation: Tells the consumer group's, which orders claims.
    """
    recipe = counts_recipe(settings, artifact)
    if recipe is None:
        return None
    served = ServedCounts(recipe, artifact.vocabulary, item_bias)
    counting = ClickCounting(
        recipe,
        artifact.vocabulary,
        topic=settings.counts_topic,
        durable=served,
        without_consent=settings.count_without_consent,
        claim_time=lambda: claim_time(generation(), wall_clock_ms()),
    )
    return CountsBeside(served, counting, caught_up)


def build_pipeline(
    settings: Settings,
    artifact: Artifact,
    *,
    model: ServedModel,
    store: StateStore,
    writer: RecordWriter,
    state_writer: RecordWriter,
    layout: TopicLayout,
    decoder: ClickDecoder | None = None,
    counts: CountsBeside | None = None,
) -> Pipeline:
    """Return the pipeline.

    Args:
        settings: The worker's.
        artifact: The model's items and what they are.
        model: The model.
        store: Where states are.
        writer: Who writes lists and dead letters.
        state_writer: Who writes states.
        layout: The topics' partitions.
        decoder: Step 1 by another clock than the wall's; None: `build_decoder`'s.
        counts: What everyone clicks, and the counting of it; None: nobody counts.
    """
    vocabulary = artifact.vocabulary
    loader = StateLoader(model.runtime, vocabulary, store, capacity=_arena_rows(settings))
    stepper = Stepper(
        model.runtime,
        loader.arena,
        state_ttl_ms=None if settings.state_ttl_s is None else settings.state_ttl_s * 1000,
        with_seen=model.exclude_seen,
        with_recent=counts is not None,
    )
    ranker = Ranker(
        artifact,
        model.runtime,
        item_bias=model.item_bias,
        exclude_seen=model.exclude_seen,
        counts=None if counts is None else counts.served,
    )
    per_click = settings.publish == "per-click"
    return Pipeline(
        decoder=decoder or build_decoder(settings, check_key=True),
        vocabulary=vocabulary,
        loader=loader,
        stepper=stepper,
        ranker=ranker,
        store=store,
        writer=writer,
        state_writer=state_writer,
        topics=OutputTopics(
            recommendations=settings.recommendations_topic,
            dead_letters=settings.dead_letter_topic,
            dead_letter_partitions=layout.dead_letter_partitions,
            changelog=settings.changelog_topic,
        ),
        model_id=artifact.manifest.model_id,
        per_click=per_click,
        now_ms=wall_clock_ms,
        scorer=PrequentialScorer(
            artifact,
            loader.arena,
            stepper,
            ranker,
            item_bias=model.item_bias,
            exclude_seen=model.exclude_seen,
            per_click=per_click,
            ranks_again=counts is None,
        )
        if settings.prequential
        else None,
        counts=counts,
    )


def build_user_lists(
    settings: Settings, artifact: Artifact, model: ServedModel, counts: CountsBeside | None
) -> UserLists:
    """Return what ranks for whoever asks, as the pipeline ranks."""
    return UserLists(
        artifact,
        model.runtime,
        item_bias=model.item_bias,
        exclude_seen=model.exclude_seen,
        source_topic=settings.source_topic,
        counts=None if counts is None else counts.served,
    )


def build_leader_watch(settings: Settings, *, counts: bool) -> LeaderWatch:
    """Return what looks after the leaders of whatever this worker reads or writes, its dead letters left out.

    Args:
        settings: The worker's.
        counts: Whether everyone's clicks are counted.
    """
    return LeaderWatch(
        settings.bootstrap_servers,
        security=settings.kafka_security,
        topics=(settings.source_topic, settings.recommendations_topic, settings.changelog_topic),
        shared=[TopicPartition(settings.counts_topic, 0)] if counts else [],
    )


def build_rekeyer(settings: Settings, *, writer: RecordWriter, layout: TopicLayout) -> Rekeyer:
    """Return what sends clicks through the re-keyed topic; the decoder leaves keys alone, they are what is wrong."""
    return Rekeyer(
        decoder=build_decoder(settings, check_key=False),
        writer=writer,
        rekeyed_topic=settings.rekeyed_topic,
        partitions=layout.partitions,
        dead_letter_topic=settings.dead_letter_topic,
        dead_letter_partitions=layout.dead_letter_partitions,
    )


def _arena_rows(settings: Settings) -> int:
    """Return how many users stay hot: at least those of every micro-batch in flight and of the one being computed.

    A micro-batch takes whole fetches until it has `max_batch_records`, so it has fewer than twice as many.
    """
    return max(settings.hot_users, (settings.batches_in_flight + 1) * 2 * settings.max_batch_records)


def _warm(runtime: ModelRuntime) -> None:
    """Run both graphs once at each batch size that onnxruntime plans its memory for: alone, and a full run."""
    manifest = runtime.manifest
    item_bias = np.zeros(manifest.item_count, dtype=np.float32)
    for size in (1, manifest.ranking.rows_per_run):
        features = np.zeros((size, feature_width(manifest.features)), dtype=np.float32)
        state = runtime.step(np.zeros(size, dtype=np.int64), features, runtime.initial_state(size))
        runtime.rank(state, no_exclusions(size, manifest.ring_length), item_bias)
