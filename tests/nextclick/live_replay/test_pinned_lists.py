"""Lists made again from the counts that they name."""

import pytest

from export.artifact import Artifact
from models.counts.counts_fold import Snapshot
from models.counts.recipe import CountsRecipe
from models.errors import CountsRecordError
from nextclick.live_replay.pinned_lists import pinned_lists
from tests.click_tables import MAY_2024_MS, make_clicks
from tests.factories import make_tiny_artifact
from tests.nextclick.counts_topics import counts_records
from workers.served_counts import CountsRecord

RECIPE = CountsRecipe(bucket_ms=10_000, popularity_half_life=1, boost_length=16, strength=1_000.0)
BUCKET = MAY_2024_MS // 10_000
# Someone clicks item-03, then twelve users item-07, then someone anything.
COUNTED = [
    ("ann", "item-03", 1_000),
    *((f"u{user}", "item-07", 12_000) for user in range(12)),
    ("eve", "item-01", 23_000),
]
RECORDS = [CountsRecord(one.offset, one.key, one.value) for one in counts_records(RECIPE, COUNTED)]
BEFORE_7, AFTER_7 = Snapshot(BUCKET, 1), Snapshot(BUCKET + 1, 13)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return make_tiny_artifact(tmp_path_factory.mktemp("pinned"), counts=RECIPE, exclude_seen=True)


def first_items(artifact: Artifact, *named: Snapshot | None, item: str = "item-20") -> list[str]:
    """Return the best item of each list; as many users click the same."""
    clicks = make_clicks(*(f"user{number} {item} {number}" for number in range(len(named))), start_ms=MAY_2024_MS)
    top_item, _ = pinned_lists(artifact, RECIPE, clicks, named, RECORDS, exclude_seen=True)
    return [str(artifact.vocabulary.item_ids[index]) for index in top_item[:, 0].tolist()]


def test_each_list_has_the_counts_that_it_names(artifact: Artifact) -> None:
    """In whatever order they come: a worker may be behind the other."""
    assert first_items(artifact, AFTER_7, BEFORE_7, AFTER_7) == ["item-07", "item-03", "item-07"]


def test_whoever_the_model_knows_nothing_of_gets_what_trends(artifact: Artifact) -> None:
    """His only item is unknown; without counts it is the popular list, whose first item is item-00."""
    assert first_items(artifact, BEFORE_7, None, item="unheard-of") == ["item-03", "item-00"]


def test_what_was_seen_is_left_out(artifact: Artifact) -> None:
    assert first_items(artifact, AFTER_7, item="item-07") == ["item-03"]


def test_a_snapshot_that_the_topic_lacks_is_an_error(artifact: Artifact) -> None:
    with pytest.raises(CountsRecordError, match="1 lists name 1 snapshots"):
        first_items(artifact, AFTER_7, Snapshot(BUCKET + 1, 14))
