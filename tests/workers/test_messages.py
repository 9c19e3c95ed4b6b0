import json

import numpy as np
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from models.sequences.vocabulary import ItemId
from tests.click_records import make_click, make_record
from workers.events import ClickRecord, Headers, OutgoingRecord, Rejection, RejectionReason, Strategy
from workers.messages import ListWriter, dead_letter_record
from workers.record_sizes import DEAD_LETTER_BYTES, RECORD_BYTES

ITEM_IDS = [ItemId(f"item-{number:02}") for number in range(20)]


def written(
    *scores: float, event_id: str | None = None, user_id: str = "ann", generated_at_ms: int = 1
) -> OutgoingRecord:
    """The list of item-00, item-01, ... with these scores as a record of the topic `lists`."""
    writer = ListWriter(topic="lists", item_ids=ITEM_IDS, model_id="0123456789abcdef")
    # Behind the last item that may be listed there is nothing worth reading.
    top_item = np.array([[*range(len(scores)), 19]])
    top_score = np.array([[*scores, -np.inf]], np.float32)
    click = make_click(user_id, offset=41, partition=3, event_id=event_id)
    (record,) = writer.records([click], top_item, top_score, [Strategy.PERSONAL], generated_at_ms=generated_at_ms)
    return record


def test_a_list_is_this_record() -> None:
    """Keyed by user, on its click's partition, compact JSON, the wall clock in a header."""
    record = written(2.5, -0.1, event_id="e1", generated_at_ms=1_714_521_600_123)
    assert record == OutgoingRecord(
        topic="lists",
        partition=3,
        key=b"ann",
        value=b'{"schema_version":1,"user_id":"ann","items":["item-00","item-01"],"scores":[2.5,-0.1],'
        b'"model_id":"0123456789abcdef","strategy":"personal","event_id":"e1",'
        b'"source":{"topic":"clicks","partition":3,"offset":41,"timestamp_ms":1714521600000}}',
        headers=(("nextclick.generated_at_ms", b"1714521600123"),),
    )


def test_the_wall_clock_is_not_in_the_body() -> None:
    """Copies of a list are the same bytes whenever they were made."""
    assert written(1.0, generated_at_ms=1).value == written(1.0, generated_at_ms=2).value


def test_an_empty_list_is_still_a_list() -> None:
    """Where no item may be listed, and where the click named no event."""
    assert b'"items":[],"scores":[],' in (written().value or b"")
    assert b'"event_id":null,' in (written().value or b"")


def test_ids_beyond_ascii_are_written_as_utf8() -> None:
    """In the key and in the body."""
    record = written(user_id='zoë "z"\n')
    assert record.key == 'zoë "z"\n'.encode()
    assert json.loads(record.value or b"")["user_id"] == 'zoë "z"\n'


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=20))
def test_scores_read_back_as_the_same_float32(scores: list[float]) -> None:
    """The fewest digits that do: nothing is lost on the way to a consumer, the sign of zero included."""
    read = json.loads(written(*scores).value or b"")["scores"]
    assert np.array(read, np.float32).tobytes() == np.array(scores, np.float32).tobytes()


def dead_letter(
    *,
    value: bytes | None = b"\xff\x00{",
    key: bytes | None = b"\xfe",
    headers: Headers = (),
    detail: str = "not text",
    partition: int = 5,
    partitions: int = 3,
) -> OutgoingRecord:
    """A rejected record as a record of the topic `dead`."""
    record = make_record(value, key=key, partition=partition, offset=41, headers=headers)
    return dead_letter_record(Rejection(record, RejectionReason.NOT_UTF8, detail), topic="dead", partitions=partitions)


def test_a_dead_letter_is_the_record_with_its_reason() -> None:
    """Bytes, key and headers untouched, five headers of ours behind them."""
    assert dead_letter(headers=(("trace", b"\x00\xff"),)) == OutgoingRecord(
        topic="dead",
        partition=2,
        key=b"\xfe",
        value=b"\xff\x00{",
        headers=(
            ("trace", b"\x00\xff"),
            ("nextclick.reason", b"not_utf8"),
            ("nextclick.detail", b"not text"),
            ("nextclick.source.topic", b"clicks"),
            ("nextclick.source.partition", b"5"),
            ("nextclick.source.offset", b"41"),
        ),
    )


def test_a_dead_letter_may_have_neither_key_nor_value() -> None:
    """A tombstone stays one."""
    record = dead_letter(key=None, value=None)
    assert (record.key, record.value) == (None, None)


def test_headers_of_one_name_are_all_kept() -> None:
    """Kafka's headers are a list: also where the record has been a dead letter before."""
    headers = (("a", b"1"), ("a", b"2"), ("nextclick.reason", b"not_json"), ("a", b"1"))
    record = dead_letter(headers=headers)
    assert record.headers[:4] == headers
    assert [value for name, value in record.headers if name == "nextclick.reason"] == [b"not_json", b"not_utf8"]


def test_a_long_detail_is_cut() -> None:
    """A largest record and its reason must fit into the dead-letter topic's limit."""
    record = dead_letter(value=b"x" * 1_048_576, detail="é" * 10_000)
    detail = dict(record.headers)["nextclick.detail"]
    assert detail is not None
    assert len(detail.decode()) == 500
    assert sum(len(name) + len(value or b"") for name, value in record.headers) < 2_048


def test_dead_letters_find_a_partition_in_a_smaller_topic() -> None:
    """The dead-letter topic may have fewer partitions than the clicks."""
    assert [dead_letter(partition=partition, partitions=1).partition for partition in range(3)] == [0, 0, 0]
    assert [dead_letter(partition=partition, partitions=8).partition for partition in range(3)] == [0, 1, 2]


def test_the_headers_that_say_why_are_never_larger_than_the_room_that_is_left_for_them() -> None:
    """The longest topic name, the largest numbers, the longest detail, four bytes a character."""
    place = ClickRecord("t" * 249, 2**31 - 1, 2**63 - 1, 0, None, None)
    for reason in RejectionReason:
        letter = dead_letter_record(Rejection(place, reason, "\U0001f600" * 1_000), topic="dead", partitions=1)
        size = DefaultRecordBatchBuilder.estimate_size_in_bytes(None, None, list(letter.headers))
        assert size < DEAD_LETTER_BYTES - RECORD_BYTES


def test_a_record_that_is_too_large_is_left_where_it_was() -> None:
    """Its dead letter says where, and holds nothing of it."""
    record = make_record(b"x" * 9_000_000, key=b"k" * 9_000_000, partition=5, offset=41, headers=(("big", b"h"),))
    rejection = Rejection(record, RejectionReason.RECORD_TOO_LARGE, "too large")
    letter = dead_letter_record(rejection, topic="dead", partitions=8)
    assert (letter.key, letter.value) == (None, None)
    assert dict(letter.headers) == {
        "nextclick.reason": b"record_too_large",
        "nextclick.detail": b"too large",
        "nextclick.source.topic": b"clicks",
        "nextclick.source.partition": b"5",
        "nextclick.source.offset": b"41",
    }
