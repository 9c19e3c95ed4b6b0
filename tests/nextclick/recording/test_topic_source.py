"""A topic's records as they are, partitions merged in the order of time."""

from collections.abc import Callable

import pytest
from kafka import KafkaProducer, TopicPartition

from models.errors import TopicError
from nextclick.recording import topic_source
from nextclick.recording.selection import OffsetRange, Selection
from nextclick.recording.topic_source import MOST_WAITING, TopicSource
from tests.click_tables import MAY_2024_MS
from tests.nextclick.recording.made import links, make_recorded, make_records
from tests.nextclick.recording.topics import create_topic, read_topic, send_records
from workers.kafka_admin import connected_admin

pytestmark = pytest.mark.broker


@pytest.fixture
def topic(broker: str, unique_name: Callable[[str], str]) -> str:
    return create_topic(broker, unique_name("source"))


def test_records_come_as_they_were_sent(broker: str, topic: str) -> None:
    """Null and empty, bytes that are no text, headers twice, without values, with names that are no UTF-8."""
    sent = make_records(20)
    send_records(broker, topic, sent)
    read = read_topic(broker, topic)
    offsets = [number // 2 for number in range(20)]
    assert read == links([one._replace(offset=offset) for one, offset in zip(sent, offsets, strict=True)])


def test_the_older_timestamp_goes_first_and_partitions_keep_their_order(broker: str, topic: str) -> None:
    """Partition 0 is late in the middle; it keeps its order all the same."""
    times = {0: [10, 50, 20, 60], 1: [15, 25, 55]}
    send_records(
        broker,
        topic,
        [
            make_recorded(partition, offset, timestamp_ms=MAY_2024_MS + at_ms)
            for partition, column in times.items()
            for offset, at_ms in enumerate(column)
        ],
    )
    read = [(one.partition, one.timestamp_ms - MAY_2024_MS) for one in read_topic(broker, topic)]
    assert read == [(0, 10), (1, 15), (1, 25), (0, 50), (0, 20), (1, 55), (0, 60)]
    with TopicSource(broker, topic) as source:
        assert source.partition_count == 2


def test_a_partition_far_ahead_waits_for_the_others(broker: str, topic: str) -> None:
    """Three times as many records as may wait, all older than the other partition's: nothing is lost or swapped."""
    count = 3 * MOST_WAITING
    old = [make_recorded(0, number, timestamp_ms=MAY_2024_MS + number, value=None) for number in range(count)]
    new = [make_recorded(1, number, timestamp_ms=MAY_2024_MS + count + number, value=None) for number in range(count)]
    send_records(broker, topic, [*new, *old])
    read = read_topic(broker, topic)
    assert [(one.partition, one.offset) for one in read] == [(one.partition, one.offset) for one in [*old, *new]]


def test_many_partitions_take_turns_with_little_waiting(
    broker: str, unique_name: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight partitions of one time, each held back and read on many times over."""
    monkeypatch.setattr(topic_source, "MOST_WAITING", 600)
    topic = create_topic(broker, unique_name("turns"), partitions=8)
    send_records(
        broker, topic, [make_recorded(n % 8, n // 8, timestamp_ms=MAY_2024_MS + n // 100) for n in range(24_000)]
    )
    read = read_topic(broker, topic)
    assert [one.timestamp_ms for one in read] == sorted(one.timestamp_ms for one in read)
    for partition in range(8):
        assert [one.offset for one in read if one.partition == partition] == list(range(3_000))


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (Selection(partitions=frozenset({1})), [1, 3, 5, 7, 9]),
        (Selection(offsets={0: OffsetRange(1, 3)}), [2, 4]),
        (Selection(offsets={0: OffsetRange(None, 1), 1: OffsetRange(4)}), [0, 9]),
        (Selection(since_ms=MAY_2024_MS + 4_000, until_ms=MAY_2024_MS + 7_000), [4, 5, 6]),
        (Selection(since_ms=MAY_2024_MS + 10_000), []),
        (Selection(limit=3), [0, 1, 2]),
        (Selection(offsets={0: OffsetRange(2, 2)}), []),
    ],
)
def test_parts_of_a_topic(broker: str, topic: str, selection: Selection, chosen: list[int]) -> None:
    """Of ten records a second apart, in turn: each is told of the one before it among those that are read."""
    ten = [make_recorded(n % 2, n // 2, timestamp_ms=MAY_2024_MS + 1_000 * n) for n in range(10)]
    send_records(broker, topic, ten)
    assert read_topic(broker, topic, selection) == links([ten[number] for number in chosen])


def test_time_ranges_do_not_believe_an_index_of_arrivals(broker: str, topic: str) -> None:
    """The newest timestamp arrived first: a range by time has it all the same."""
    send_records(broker, topic, [make_recorded(0, 0, timestamp_ms=MAY_2024_MS + 9_000)])
    send_records(broker, topic, [make_recorded(0, 1, timestamp_ms=MAY_2024_MS)])
    assert [one.offset for one in read_topic(broker, topic, Selection(since_ms=MAY_2024_MS + 5_000))] == [0]
    assert [one.offset for one in read_topic(broker, topic, Selection(until_ms=MAY_2024_MS + 5_000))] == [1]


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        (Selection(partitions=frozenset({2})), r"has no partition 2, only 0 to 1"),
        (Selection(offsets={0: OffsetRange(7)}), r"/0 has offsets 0 to 1, not 7"),
        (Selection(offsets={0: OffsetRange(0, 3)}), r"/0 ends before offset 1, not 3"),
    ],
)
def test_what_is_not_there_is_said(broker: str, topic: str, selection: Selection, said: str) -> None:
    send_records(broker, topic, [make_recorded(0, 0)])
    with pytest.raises(TopicError, match=said):
        read_topic(broker, topic, selection)


def test_an_empty_topic_ends_at_once(broker: str, topic: str) -> None:
    assert read_topic(broker, topic) == []


@pytest.mark.kafka
def test_aborted_records_never_happened(kafka: str, unique_name: Callable[[str], str]) -> None:
    """The transactions' own markers are holes, and the topic ends behind one."""
    topic = create_topic(kafka, unique_name("transactions"), partitions=1)
    producer = KafkaProducer(bootstrap_servers=kafka, transactional_id=unique_name("id"))
    producer.init_transactions()
    for number, commit in enumerate([True, False, True, False]):
        producer.begin_transaction()
        producer.send(topic, b"%d" % number, key=b"k")
        producer.flush()
        if commit:
            producer.commit_transaction()
        else:
            producer.abort_transaction()
    producer.close()
    read = read_topic(kafka, topic)
    assert [(one.offset, one.previous_offset, one.value) for one in read] == [(0, None, b"0"), (4, 0, b"2")]


@pytest.mark.kafka
def test_a_time_range_begins_where_kafkas_index_says(kafka: str, unique_name: Callable[[str], str]) -> None:
    """On Apache Kafka the index is of the records' own timestamps: what is older is not read at all."""
    topic = create_topic(kafka, unique_name("times"), partitions=1)
    send_records(kafka, topic, [make_recorded(0, n, timestamp_ms=MAY_2024_MS + n) for n in range(100)])
    with TopicSource(kafka, topic) as source:
        assert [one.offset for one in source.records(Selection(since_ms=MAY_2024_MS + 90))] == list(range(90, 100))
        assert source._starts(Selection(since_ms=MAY_2024_MS + 90), {0: 0}, {0: 100}) == {0: 90}


@pytest.mark.kafka
def test_records_deleted_while_reading_are_said(kafka: str, unique_name: Callable[[str], str]) -> None:
    """Retention takes what was not read yet: an error, never a recording with a hole in it."""
    topic = create_topic(kafka, unique_name("retention"), partitions=1)
    send_records(kafka, topic, [make_recorded(0, n, value=b"x" * 500) for n in range(40_000)])
    with TopicSource(kafka, topic) as source:
        records = source.records(Selection())
        next(records)
        with connected_admin(kafka) as admin:
            admin.delete_records({TopicPartition(topic, 0): 39_000})
        with pytest.raises(TopicError, match=r"retention deleted offsets \d+ to 38999 before they were read"):
            list(records)
