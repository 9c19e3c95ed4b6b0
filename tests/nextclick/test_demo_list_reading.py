from pathlib import Path

import msgspec
import pytest

from models.errors import BrokerError, TopicError
from nextclick.demo import list_reading
from nextclick.demo.list_reading import ListReading
from nextclick.demo.surroundings import settings_for_this_run
from nextclick.published_lists import ClickSource, PublishedList
from nextclick.record_sending import click_producer
from nextclick.topics import create_topics, planned_topics
from workers.settings import Settings

pytestmark = pytest.mark.broker


@pytest.fixture
def settings(broker: str) -> Settings:
    """Topics of this test alone, made."""
    settings = settings_for_this_run(Path("artifact"), broker, is_embedded=True)
    create_topics(broker, planned_topics(settings), partitions=2, replication_factor=1)
    return settings


def publish(settings: Settings, *values: bytes) -> None:
    """Put records into the output topic, as a worker would."""
    with click_producer(settings.bootstrap_servers, linger_ms=0) as producer:
        for value in values:
            producer.send(settings.recommendations_topic, value, key=b"ada").get(timeout=10)


def make_list(event_id: str) -> bytes:
    source = ClickSource("clicks", 0, 0, 1_000)
    return msgspec.json.encode(
        PublishedList(1, "ada", ("item-01",), (1.0,), "m", strategy="personal", source=source, event_id=event_id)
    )


def ignore() -> None:
    """A worker that runs."""


def test_each_click_counts_once(settings: Settings) -> None:
    """What was there before is none of ours, nor are other prefixes; a list that comes again is told apart."""
    publish(settings, make_list("shop-0"))
    taken: list[int] = []
    with ListReading(settings, "shop", lambda number, _published, _read_s: taken.append(number)) as reading:
        publish(settings, *map(make_list, ("shop-1", "shop-1", "burst-7", "shop-2")))
        reading.wait_for(2, ignore)
    assert taken == [1, 2]
    assert (reading.received, reading.published_again) == (2, 1)


def test_a_list_that_never_comes_is_an_error(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names how many are missing."""
    monkeypatch.setattr(list_reading, "STALL_TIMEOUT_S", 0.3)
    with ListReading(settings, "shop", lambda *_: None) as reading:
        publish(settings, make_list("shop-0"))
        with pytest.raises(BrokerError, match=r"2 of 3 clicks have no list, and none has come for 0 s"):
            reading.wait_for(3, ignore)


def test_what_ends_the_thread_is_raised_where_it_is_waited_for(settings: Settings) -> None:
    """Something in the topic that is no list."""
    with ListReading(settings, "shop", lambda *_: None) as reading:
        publish(settings, b"no list")
        with pytest.raises(TopicError, match="is no list"):
            reading.wait_for(1, ignore)


def test_a_worker_that_ended_is_not_waited_for(settings: Settings) -> None:
    """Its own error comes first."""

    def dead() -> None:
        raise BrokerError("The worker ended.")

    with (
        ListReading(settings, "shop", lambda *_: None) as reading,
        pytest.raises(BrokerError, match=r"The worker ended\."),
    ):
        reading.wait_for(1, dead)
