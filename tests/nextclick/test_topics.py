"""Topics are created as planned, checked where they are there, and never half made."""

from collections.abc import Callable

import pytest

from models.errors import BrokerError, TopicError
from nextclick.topics import create_topics, describe_planned_topics, planned_topics
from workers.kafka_admin import describe_topics, parse_bootstrap_servers, require_broker
from workers.settings import Settings, load_settings


@pytest.fixture
def settings(broker: str, unique_name: Callable[[str], str]) -> Settings:
    return load_settings(
        bootstrap_servers=broker,
        app_id=unique_name("app"),
        clicks_topic=unique_name("clicks"),
        recommendations_topic=unique_name("recommendations"),
        dead_letter_topic=unique_name("dead-letter"),
        rekey=True,
    )


def create(settings: Settings, partitions: int = 3) -> dict[str, bool]:
    reports = create_topics(
        settings.bootstrap_servers, planned_topics(settings), partitions=partitions, replication_factor=1
    )
    return {report.plan.name: report.created for report in reports}


@pytest.mark.broker
def test_creates_what_is_missing_and_nothing_twice(settings: Settings) -> None:
    """The first call creates all, five of them with the same partitions and the counts with one; the second none."""
    first = create(settings)
    names = [
        settings.clicks_topic,
        settings.rekeyed_topic,
        settings.recommendations_topic,
        settings.dead_letter_topic,
        settings.changelog_topic,
    ]
    names.append(settings.counts_topic)
    assert first == dict.fromkeys(names, True)
    found = describe_topics(settings.bootstrap_servers, names)
    assert [(topic.name, topic.partitions, topic.replication_factor) for topic in found.values()] == [
        (name, 1 if name == settings.counts_topic else 3, 1) for name in names
    ]
    assert create(settings) == dict.fromkeys(names, False)


@pytest.mark.broker
def test_the_largest_click_can_be_a_dead_letter(settings: Settings) -> None:
    """The dead letters' and the re-keyed clicks' limits lie above the click topic's; user states are compacted."""
    create(settings)
    reports = describe_planned_topics(settings.bootstrap_servers, planned_topics(settings))
    configs = {report.plan.name: report.configs for report in reports}
    assert configs[settings.clicks_topic]["max.message.bytes"] == "1048576"
    assert configs[settings.dead_letter_topic]["max.message.bytes"] == "1114112"
    assert configs[settings.rekeyed_topic]["max.message.bytes"] == "1114112"
    assert configs[settings.changelog_topic]["cleanup.policy"] == "compact"


@pytest.mark.broker
def test_another_partition_count_creates_nothing(settings: Settings) -> None:
    """A click topic with 2 partitions where 3 are asked for is named with both ways out; no topic is created."""
    clicks, *others = planned_topics(settings)
    create_topics(settings.bootstrap_servers, [clicks], partitions=2, replication_factor=1)
    expected = rf"Topic {settings.clicks_topic} is there with 2 partitions, not 3: run with --partitions 2, or delete"
    with pytest.raises(TopicError, match=expected):
        create(settings, partitions=3)
    assert describe_topics(settings.bootstrap_servers, [topic.name for topic in others]) == {}


@pytest.mark.broker
def test_a_changelog_that_forgets_is_refused(settings: Settings) -> None:
    """User states in a topic with a retention time would be lost: it is said before anything runs."""
    changelog = next(topic for topic in planned_topics(settings) if topic.name == settings.changelog_topic)
    forgetful = type(changelog)(changelog.role, changelog.name, configs={"cleanup.policy": "delete"})
    create_topics(settings.bootstrap_servers, [forgetful], partitions=3, replication_factor=1)
    with pytest.raises(TopicError, match=r"cleanup\.policy=delete.*would forget users"):
        create(settings)


@pytest.mark.broker
def test_dead_letters_may_have_any_number_of_partitions(settings: Settings) -> None:
    """Only the topics that share a click's partition number are held to it."""
    dead_letters = next(topic for topic in planned_topics(settings) if topic.name == settings.dead_letter_topic)
    create_topics(settings.bootstrap_servers, [dead_letters], partitions=1, replication_factor=1)
    assert create(settings)[settings.clicks_topic]


@pytest.mark.broker
def test_describing_creates_nothing(broker: str, unique_name: Callable[[str], str]) -> None:
    """A topic that is not there is left out, and is still not there afterwards."""
    name = unique_name("absent")
    assert describe_topics(broker, [name]) == {}
    assert describe_topics(broker, [name]) == {}


@pytest.mark.kafka
def test_a_refusal_is_one_sentence(kafka: str, settings: Settings) -> None:
    """More replicas than brokers: Kafka says no, and the sentence says whose no it is."""
    with pytest.raises(BrokerError, match=f"broker at {kafka} refused: .*InvalidReplicationFactor") as caught:
        create_topics(kafka, planned_topics(settings), partitions=1, replication_factor=3)
    assert "\n" not in str(caught.value)


def test_no_broker_is_one_sentence() -> None:
    """Nobody listens on port 1: it takes no timeout to say so, and what to do."""
    expected = "No Kafka broker answers at 127.0.0.1:1: start one with `nextclick broker`, or name another"
    with pytest.raises(BrokerError, match=expected):
        require_broker("127.0.0.1:1")


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("127.0.0.1:9092", [("127.0.0.1", 9092)]),
        ("kafka", [("kafka", 9092)]),
        ("a:1, b:2", [("a", 1), ("b", 2)]),
        ("[::1]:9092", [("::1", 9092)]),
        ("[::1]", [("::1", 9092)]),
    ],
)
def test_addresses(text: str, addresses: list[tuple[str, int]]) -> None:
    """Hosts, ports, lists and IPv6 literals are read; the port is 9092 where none is given."""
    assert parse_bootstrap_servers(text) == addresses


@pytest.mark.parametrize("text", ["", "host:", ":9092", "host:kafka", "host:0", "host:65536", "a:1,,b:2"])
def test_what_is_no_address_is_quoted(text: str) -> None:
    """An address that is none ends in a sentence, not in a name look-up."""
    with pytest.raises(BrokerError, match="is not the address of a Kafka broker"):
        parse_bootstrap_servers(text)
