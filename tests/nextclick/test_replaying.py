"""A replay keeps order and time, and its counts are exact."""

from collections import defaultdict
from collections.abc import Callable
from threading import Event

import msgspec
import polars as pl
import pytest

from models.errors import BrokerError, TopicError
from models.preparation.prepared_data import CLICK_SCHEMA
from nextclick.record_sending import ReplayReport
from nextclick.replaying import click_messages, replay_clicks
from nextclick.topic_reading import ConsumerRecord, TopicReader
from workers.kafka_admin import connected_admin

NOON_MS = 1_700_000_000_000


def make_clicks(*, users: int = 3, clicks: int = 30, gap_ms: int = 1000, item_id: str = "item") -> pl.DataFrame:
    """Make clicks of users who take turns."""
    rows = [
        (f"user-{number % users}", "s", f"{item_id}-{number}", NOON_MS + number * gap_ms, None, None)
        for number in range(clicks)
    ]
    return pl.DataFrame(rows, schema=CLICK_SCHEMA, orient="row")


@pytest.fixture
def topic(broker: str, unique_name: Callable[[str], str]) -> str:
    name = unique_name("clicks")
    with connected_admin(broker) as admin:
        admin.create_topics({name: {"num_partitions": 4, "replication_factor": 1}}, wait_for_metadata=True)
    return name


def read_all(broker: str, topic: str) -> list[ConsumerRecord]:
    with TopicReader(broker, topic) as reader:
        return list(reader.read_to_end())


@pytest.mark.broker
def test_every_click_arrives_once_in_its_users_order(broker: str, topic: str) -> None:
    """5,000 clicks given in reverse: as many records, each user on one partition, in order of time."""
    clicks = make_clicks(users=50, clicks=5_000)
    report = replay_clicks(clicks.reverse(), dataset="d", bootstrap_servers=broker, topic=topic)
    assert (report.sent, report.acknowledged, report.failed, report.stopped) == (5_000, 5_000, 0, False)
    records = read_all(broker, topic)
    assert len(records) == 5_000
    by_user: dict[bytes, list[tuple[int, int]]] = defaultdict(list)
    for record in records:
        by_user[record.key].append((record.partition, msgspec.json.decode(record.value)["timestamp_ms"]))
    assert len(by_user) == 50
    for history in by_user.values():
        assert len({partition for partition, _ in history}) == 1
        assert [time_ms for _, time_ms in history] == sorted(time_ms for _, time_ms in history)


@pytest.mark.broker
def test_a_message_as_the_contract_has_it(broker: str, topic: str) -> None:
    """Key, body and event id of one click; the record's own time is the present, not the event's."""
    replay_clicks(make_clicks(clicks=2), dataset="shop", bootstrap_servers=broker, topic=topic, limit=1)
    (record,) = read_all(broker, topic)
    assert record.key == b"user-0"
    assert record.value == (
        b'{"user_id":"user-0","item_id":"item-0","timestamp_ms":1700000000000,"event_id":"shop-0","session_id":"s"}'
    )
    assert record.timestamp > NOON_MS + 86_400_000


@pytest.mark.broker
def test_a_click_that_is_too_large_is_counted_and_the_others_go_on(broker: str, topic: str) -> None:
    """One of three clicks is above the largest size: two acknowledged, one failed, and why."""
    clicks = make_clicks(clicks=3).with_columns(
        item_id=pl.when(pl.col("item_id") == "item-1").then(pl.lit("x" * (1 << 20))).otherwise("item_id")
    )
    report = replay_clicks(clicks, dataset="d", bootstrap_servers=broker, topic=topic)
    assert (report.sent, report.acknowledged, report.failed) == (3, 2, 1)
    assert report.first_failure is not None
    assert "MessageSizeTooLarge" in report.first_failure
    assert len(read_all(broker, topic)) == 2


@pytest.mark.broker
def test_speed_is_a_factor_of_the_logs_own_time(broker: str, topic: str) -> None:
    """31 clicks over 30 s of event time at 100 times that: 0.3 s, whatever the broker's latency."""
    report = replay_clicks(make_clicks(clicks=31), dataset="d", bootstrap_servers=broker, topic=topic, speed=100)
    assert report.acknowledged == 31
    assert 0.3 <= report.elapsed_s < 1.5


@pytest.mark.broker
def test_stopping_waits_for_what_was_sent(broker: str, topic: str) -> None:
    """Stopped in the middle of a long pause: what was sent is acknowledged, counted and there; the rest is not."""
    stop = Event()
    shown: list[tuple[int, int]] = []

    def stop_at_first_click(sent: int, total: int) -> None:
        shown.append((sent, total))
        stop.set()

    report = replay_clicks(
        make_clicks(clicks=3, gap_ms=60_000),
        dataset="d",
        bootstrap_servers=broker,
        topic=topic,
        speed=1,
        on_progress=stop_at_first_click,
        stop=stop,
    )
    assert (report.sent, report.acknowledged, report.failed, report.stopped) == (1, 1, 0, True)
    assert shown == [(1, 3), (1, 3)]
    assert len(read_all(broker, topic)) == 1


@pytest.mark.broker
def test_a_topic_that_is_not_there_is_not_created(broker: str, unique_name: Callable[[str], str]) -> None:
    """Both times the same sentence: the first attempt has not brought the topic about."""
    name = unique_name("absent")
    for _ in range(2):
        with pytest.raises(TopicError, match=f"no topic {name} at {broker}: make it with `nextclick topics create`"):
            replay_clicks(make_clicks(), dataset="d", bootstrap_servers=broker, topic=name)


def test_no_broker_is_one_sentence() -> None:
    """It says so before it reads or sends anything."""
    with pytest.raises(BrokerError, match=r"No Kafka broker answers at 127\.0\.0\.1:1"):
        replay_clicks(make_clicks(), dataset="d", bootstrap_servers="127.0.0.1:1", topic="clicks")


def test_event_ids_are_the_same_each_time() -> None:
    """They are the log's name and the row's number."""
    assert [message.event_id for message in click_messages(make_clicks(clicks=3), "eshop")] == [
        "eshop-0",
        "eshop-1",
        "eshop-2",
    ]


def test_throughput_of_nothing_is_nothing() -> None:
    """An empty replay has no throughput, and no division by zero."""
    nothing = ReplayReport(0, 0, 0, None, stopped=False, elapsed_s=0.0, most_behind_s=0.0)
    assert nothing.clicks_per_second == 0.0


@pytest.mark.broker
def test_due_times_take_the_place_of_event_times(broker: str, topic: str) -> None:
    """Three clicks a minute apart, due within 0.2 s; each is announced right before it is sent."""
    announced: list[int] = []
    report = replay_clicks(
        make_clicks(clicks=3, gap_ms=60_000),
        dataset="d",
        bootstrap_servers=broker,
        topic=topic,
        due_s=[0.0, 0.1, 0.2],
        on_send=announced.append,
    )
    assert (report.acknowledged, announced) == (3, [0, 1, 2])
    assert 0.2 <= report.elapsed_s < 1.5
