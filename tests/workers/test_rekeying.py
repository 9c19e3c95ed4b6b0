import asyncio

import pytest

from models.errors import BrokerError
from tests.click_records import click_value, make_record
from tests.click_tables import MAY_2024_MS
from tests.workers.fakes import FailingWriter, RecordingWriter
from workers.decoding import ClickDecoder
from workers.events import ClickRecord, OutgoingRecord
from workers.ports import RecordWriter
from workers.rekeying import Rekeyer


def make_rekeyer(writer: RecordWriter, *, partitions: int = 4) -> Rekeyer:
    """From `clicks` to `rekeyed`, dead letters to `dead`, which has one partition."""
    decoder = ClickDecoder(field_map={}, max_id_bytes=64, max_future_ms=0, check_key=False, now_ms=lambda: MAY_2024_MS)
    return Rekeyer(
        decoder=decoder,
        writer=writer,
        rekeyed_topic="rekeyed",
        partitions=partitions,
        dead_letter_topic="dead",
        dead_letter_partitions=1,
    )


def rekeyed(*records: ClickRecord) -> tuple[RecordingWriter, int, dict[str, int]]:
    """What was written, how many were sent on, and how many dead letters there were by reason."""
    broker = RecordingWriter()
    sent, dead_letters = asyncio.run(make_rekeyer(broker).process(records))
    return broker, sent, {reason.value: count for reason, count in dead_letters.items()}


@pytest.mark.parametrize("key", [None, b"", b"session-7", b"ann"])
def test_a_click_is_sent_on_under_its_users_key(key: bytes | None) -> None:
    """Bytes and headers untouched, and where it came from behind them."""
    value = b'{ "user_id":"ann","item_id":"x","timestamp_ms":1714521600000,"more":1.50}'
    record = make_record(value, key=key, partition=2, offset=41, headers=(("trace", b"\x00"),))
    broker, sent, dead_letters = rekeyed(record)
    assert broker.written == [
        OutgoingRecord(
            topic="rekeyed",
            partition=broker.written[0].partition,
            key=b"ann",
            value=value,
            headers=(
                ("trace", b"\x00"),
                ("nextclick.source.topic", b"clicks"),
                ("nextclick.source.partition", b"2"),
                ("nextclick.source.offset", b"41"),
            ),
        )
    ]
    assert (sent, dead_letters) == (1, {})


def test_partitions_are_those_of_kafkas_own_partitioner() -> None:
    """murmur2 as in Java: `murmur2(key) & 0x7fffffff % partitions`, these four by Kafka's UtilsTest."""
    broker = RecordingWriter()
    users = ("21", "foobar", "a-little-bit-long-string", "a-little-bit-longer-string")
    records = [make_record(click_value(user_id=user)) for user in users]
    asyncio.run(make_rekeyer(broker, partitions=1000).process(records))
    hashes = (-973932308, -790332482, -985981536, -1486304829)
    assert [record.partition for record in broker.written] == [(one & 0x7FFFFFFF) % 1000 for one in hashes]


def test_a_users_clicks_keep_their_order_and_their_partition() -> None:
    """One user, one key, one partition, whatever the keys were."""
    records = [
        make_record(click_value(user_id="zoë", event_id=str(n)), key=str(n).encode(), offset=n) for n in range(5)
    ]
    broker, _, _ = rekeyed(*records)
    assert [record.value for record in broker.written] == [record.value for record in records]
    assert {(record.key, record.partition) for record in broker.written} == {
        ("zoë".encode(), broker.written[0].partition)
    }


def test_what_is_no_click_becomes_a_dead_letter_here() -> None:
    """It has no user to be keyed by; every record is counted once."""
    broker, sent, dead_letters = rekeyed(
        make_record(), make_record(b"\xff", partition=3, offset=1), make_record(None, offset=2), make_record(b"{}")
    )
    assert (sent, dead_letters) == (1, {"not_utf8": 1, "null_value": 1, "missing_field": 1})
    assert [(record.topic, record.partition) for record in broker.written[1:]] == [("dead", 0)] * 3
    assert broker.written[1].value == b"\xff"


def test_a_record_that_is_not_acknowledged_raises() -> None:
    """Its offset must not move."""
    writer = FailingWriter(RecordingWriter(), after=1)
    with pytest.raises(BrokerError):
        asyncio.run(make_rekeyer(writer).process([make_record(), make_record(offset=1)]))
