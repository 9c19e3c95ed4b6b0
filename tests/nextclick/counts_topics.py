"""A counts topic as workers would write it, recorded."""

from collections.abc import Iterable

from export.artifact import Artifact
from models.counts.count_records import encode_chunk
from models.counts.partition_counter import PartitionCounter
from models.counts.recipe import CountsRecipe
from models.sequences.vocabulary import hash_item_id
from nextclick.recording.description import RecordingHead
from nextclick.recording.records import RecordedRecord
from tests.click_tables import MAY_2024_MS
from tests.models.counts.made_clicks import MadeClick, columns_of
from tests.nextclick.recording.made import make_head, make_recorded

COUNTS_HEAD: RecordingHead = make_head(topic="nextclick.counts", partitions=1)


def recipe_of(artifact: Artifact) -> CountsRecipe:
    """Return how an artifact's clicks are counted."""
    assert artifact.manifest.counts is not None
    return artifact.manifest.counts


def counts_records(recipe: CountsRecipe, clicks: Iterable[tuple[str, str, int]]) -> list[RecordedRecord]:
    """Count one partition's clicks, a record a click.

    Args:
        recipe: How.
        clicks: User, item and milliseconds into May 2024, in their order.
    """
    counter = PartitionCounter(0, recipe, epoch=1)
    records: list[RecordedRecord] = []
    for offset, (user, item, at_ms) in enumerate(clicks):
        time_ms = MAY_2024_MS + at_ms
        counter.count(columns_of([MadeClick(offset, user, hash_item_id(item), (), time_ms, time_ms)]))
        for key, chunk in counter.take_changed():
            number = len(records)
            records.append(
                make_recorded(0, number, number - 1 if number else None, key=key.encode(), value=encode_chunk(chunk))
            )
    return records
