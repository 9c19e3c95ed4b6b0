"""A stream's counts topic held against its click topic."""

import json

from export.artifact import Artifact
from models.counts.recipe import CountsRecipe
from tests.counted_clicks import SourceClick, recounted, sums
from tests.integration.harness import Stream


def source_clicks(stream: Stream, artifact: Artifact) -> list[SourceClick]:
    """Read the click topic."""
    hash_of = dict(zip(artifact.vocabulary.item_ids, artifact.vocabulary.hashes, strict=True))
    found = []
    for record in stream.read_all(stream.settings.clicks_topic):
        body = json.loads(record.value)
        found.append(SourceClick(record.partition, body["user_id"], hash_of.get(body["item_id"]), body["timestamp_ms"]))
    return found


def assert_buckets_are_exact(stream: Stream, artifact: Artifact, recipe: CountsRecipe, *, at_least: int) -> None:
    """What is published is what the clicks say, and that is at least so many clicks."""
    published = sums((one.key, one.value) for one in stream.read_all(stream.settings.counts_topic))
    expected = recounted(source_clicks(stream, artifact), recipe, ring_length=artifact.manifest.ring_length)
    assert expected.clicks.total() >= at_least
    differing = {
        name: sorted(place for place in is_there.keys() | should_be.keys() if is_there[place] != should_be[place])
        for name, is_there, should_be in zip(published._fields, published, expected, strict=True)
    }
    assert not any(differing.values()), differing
