from collections.abc import Iterable
from dataclasses import replace

import msgspec
import pytest

from export.artifact import Artifact
from models.counts.recipe import CountsRecipe
from models.errors import SettingsError, TopicError
from workers import preflight
from workers.kafka_admin import TopicDescription
from workers.kafka_security import KafkaSecurity
from workers.preflight import TopicLayout, check_store, check_topics, counts_recipe
from workers.settings import load_settings

GOOD = {"clicks": 4, "recommendations": 4, "clicks.dead-letter": 1, "shop-user-state-changelog": 4}


def check(
    monkeypatch: pytest.MonkeyPatch, topics: dict[str, int], *, rekey: bool = False, counts: bool = False
) -> TopicLayout:
    """Check against a broker that has these topics, by partitions."""

    def describe_topics(
        bootstrap_servers: str, names: Iterable[str], *, security: KafkaSecurity
    ) -> dict[str, TopicDescription]:
        assert (bootstrap_servers, security) == ("127.0.0.1:9092", KafkaSecurity())
        return {name: TopicDescription(name, topics[name], 1) for name in names if name in topics}

    monkeypatch.setattr(preflight, "describe_topics", describe_topics)
    return check_topics(load_settings(app_id="shop", rekey=rekey), counts=counts)


def test_topics_as_they_should_be_are_a_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dead letters may have partitions of their own."""
    assert check(monkeypatch, GOOD) == TopicLayout(partitions=4, dead_letter_partitions=1)


@pytest.mark.parametrize("name", list(GOOD))
def test_a_missing_topic_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Nothing is made behind the operator's back."""
    topics = {other: partitions for other, partitions in GOOD.items() if other != name}
    with pytest.raises(TopicError, match=f"no topic {name}: .*`nextclick topics create`"):
        check(monkeypatch, topics)


def test_all_missing_topics_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once."""
    with pytest.raises(TopicError, match="no topic clicks and no topic recommendations and no topic"):
        check(monkeypatch, {})


@pytest.mark.parametrize("name", ["recommendations", "shop-user-state-changelog"])
@pytest.mark.parametrize("partitions", [3, 5])
def test_partitions_must_agree(monkeypatch: pytest.MonkeyPatch, name: str, partitions: int) -> None:
    """A list and a state go to the partition number of their click."""
    with pytest.raises(TopicError, match=f"{name} has {partitions} partitions, clicks has 4"):
        check(monkeypatch, GOOD | {name: partitions})


def test_re_keyed_clicks_may_come_from_fewer_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the re-keyed topic that the others follow."""
    with pytest.raises(TopicError, match="no topic shop-clicks-rekeyed"):
        check(monkeypatch, GOOD, rekey=True)
    topics = GOOD | {"clicks": 1, "shop-clicks-rekeyed": 4}
    assert check(monkeypatch, topics, rekey=True).partitions == 4


@pytest.mark.parametrize(
    ("recipe", "live_counts", "counted"),
    [
        (CountsRecipe(), True, True),
        (CountsRecipe(), False, False),
        (CountsRecipe(useless=True), True, False),
        (None, True, False),
    ],
    ids=["live counts", "turned off", "useless", "never fitted"],
)
def test_a_worker_counts_where_that_helps(
    tiny_artifact: Artifact, recipe: CountsRecipe | None, live_counts: bool, counted: bool
) -> None:
    """Counts that are useless, as on e-shop, are stored and not made."""
    artifact = replace(tiny_artifact, manifest=msgspec.structs.replace(tiny_artifact.manifest, counts=recipe))
    settings = load_settings(artifact=artifact.folder, live_counts=live_counts)
    assert (counts_recipe(settings, artifact) is not None) == counted


def test_whoever_counts_needs_the_counts_topic_and_one_partition_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without live counts nobody asks for it."""
    with pytest.raises(TopicError, match=r"no topic shop\.counts: .*`nextclick topics create`"):
        check(monkeypatch, GOOD, counts=True)
    with pytest.raises(TopicError, match=r"shop\.counts has 4 partitions.*it needs one"):
        check(monkeypatch, GOOD | {"shop.counts": 4}, counts=True)
    assert check(monkeypatch, GOOD | {"shop.counts": 1}, counts=True).partitions == 4


def test_the_library_of_the_store_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """`store=rocksdb` without its extra is one clear sentence; the memory store needs nothing."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    check_store(load_settings(store="memory"))
    with pytest.raises(SettingsError, match="extra `rocksdb`"):
        check_store(load_settings(store="rocksdb"))
