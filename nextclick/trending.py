"""What everyone clicks, read from the counts topic or from a recording of it, as workers had it at some moment.

Legend: V items.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from export.artifact import Artifact
from models.counts.count_records import decode_chunk, decode_key
from models.counts.counts_fold import CountsFold, Snapshot
from models.counts.ranking_rule import CountsRanking
from models.counts.recipe import CountsRecipe
from models.errors import ArtifactError
from nextclick.recording.files import Recording
from nextclick.recording.sources import all_records
from nextclick.topic_reading import TopicReader
from workers.served_counts import CountsRecord


@dataclass(frozen=True)
class TrendingItem:
    """An item and what everyone's clicks do for it.

    Attributes:
        item_id: Which.
        title: None where the catalogue has none.
        clicks: Decayed; 0 where fewer users clicked it than may make an item trend.
        users: Decayed, each once a bucket.
        share: Of all clicks.
        bias: What is added to its score in every list.
    """

    item_id: str
    title: str | None
    clicks: float
    users: float
    share: float
    bias: float


@dataclass(frozen=True)
class Trending:
    """What everyone clicks at a moment.

    Attributes:
        snapshot: Which counts these are, as lists name them.
        ended_ms: When the snapshot's bucket ended, in event time.
        lifted: How many items have clicks that count.
        items: Those that are lifted most, the first one most.
    """

    snapshot: Snapshot
    ended_ms: int
    lifted: int
    items: tuple[TrendingItem, ...]


def trending_at(
    artifact: Artifact, records: Iterable[CountsRecord], *, at_ms: int | None = None, top: int
) -> Trending | None:
    """Return what everyone clicks, by the counts that workers had; None where there were none yet.

    Args:
        artifact: Whose recipe and items.
        records: The counts topic's, from its beginning, in their order.
        at_ms: When, in event time: before the first record of a bucket that had not ended. None: now, in the newest
            snapshot; the newest bucket is still being counted.
        top: How many items, at most.

    Raises:
        ArtifactError: If the model ranks without counts.
        CountsRecordError: If a record does not decode.
    """
    recipe = _recipe(artifact)
    fold = CountsFold(recipe, np.array(artifact.vocabulary.hashes, np.uint64))
    next_offset = 0
    for record in records:
        key = decode_key(record.key)
        if at_ms is not None and key.bucket_ms == recipe.bucket_ms and (key.bucket + 1) * recipe.bucket_ms > at_ms:
            next_offset = record.offset
            break
        fold.apply(record.offset, key, None if record.value is None else decode_chunk(record.value))
        next_offset = record.offset + 1
    if at_ms is not None:
        fold.take_snapshot(next_offset)
    return None if fold.snapshot is None else _most_lifted(artifact, fold, fold.snapshot, top)


def topic_records(reader: TopicReader) -> Iterator[CountsRecord]:
    """Yield the records of the counts topic up to its present end.

    Raises:
        BrokerError: If the broker stops answering.
    """
    for record in reader.read_to_end():
        yield CountsRecord(record.offset, record.key, record.value)


def recorded_counts(recording: Recording) -> Iterator[CountsRecord]:
    """Yield the records of a recorded counts topic.

    Raises:
        RecordingError: If one is not what was written, or some are missing.
    """
    for record in all_records(recording):
        yield CountsRecord(record.offset, record.key, record.value)


def _recipe(artifact: Artifact) -> CountsRecipe:
    recipe = artifact.manifest.counts
    if recipe is None or recipe.useless:
        raise ArtifactError(
            f"Model {artifact.manifest.model_id} ranks without live counts: nothing trends by it. Fit them with "
            "`nextclick train` or `nextclick fit-counts`, and export it again."
        )
    return recipe


def _most_lifted(artifact: Artifact, fold: CountsFold, snapshot: Snapshot, top: int) -> Trending:
    clicks, users = fold.counts.popularity(), fold.counts.users()  # each (V,)
    bias = CountsRanking(fold.counts).item_bias  # (V,)
    shares = clicks / max(float(clicks.sum()), np.finfo(np.float64).tiny)
    rows = [row for row in np.argsort(-clicks, kind="stable")[:top].tolist() if clicks[row] > 0]
    # Of the catalogue's titles those of the items shown alone: a catalogue may be large.
    titles = artifact.items["title"].gather(rows).to_list()
    return Trending(
        snapshot,
        (snapshot.bucket + 1) * fold.counts.recipe.bucket_ms,
        int(np.count_nonzero(clicks)),
        tuple(
            TrendingItem(
                artifact.vocabulary.item_ids[row],
                title,
                float(clicks[row]),
                float(users[row]),
                float(shares[row]),
                float(bias[row]),
            )
            for row, title in zip(rows, titles, strict=True)
        ),
    )
