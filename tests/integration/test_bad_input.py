"""Records that are no clicks: each ends in the dead-letter topic as it came, and the worker goes on."""

import json
from typing import NamedTuple

import pytest
from kafka.consumer.fetcher import ConsumerRecord

from tests.click_records import click_value
from tests.click_tables import MAY_2024_MS
from tests.integration.conftest import Serving
from workers.events import LIKELY_CAUSE, Headers, OutgoingRecord, RejectionReason
from workers.record_sizes import CLICK_BYTES

pytestmark = pytest.mark.broker

# What a record batch of one record takes beside a key of 3 bytes and a value that needs a length of 3: the batch's
# head, then the record's own length (3), attributes and two deltas (3), two lengths (1 + 3) and a count of headers (1).
LARGEST_VALUE = CLICK_BYTES - 61 - 11 - len(b"ann")
NESTED = b"[" * 50_000 + b"]" * 50_000
YEAR_2100_MS = 4_102_444_800_000
PARTITION = 2


class SetAside(NamedTuple):
    """A bad record's dead letter, and the offset in the click topic that it came from."""

    letter: ConsumerRecord
    offset: int


class BadRecord(NamedTuple):
    """A record that is no click, and why."""

    reason: RejectionReason
    value: bytes | None
    key: bytes | None = b"ann"


def without(field: str) -> bytes:
    """Write a click that lacks a field."""
    fields = json.loads(click_value())
    del fields[field]
    return json.dumps(fields).encode()


BAD_RECORDS = {
    "cut short": BadRecord(RejectionReason.NOT_JSON, b'{"user_id": "ann", "item_id"'),
    "empty value": BadRecord(RejectionReason.NOT_JSON, b""),
    "text": BadRecord(RejectionReason.NOT_JSON, b"ann clicked item-04"),
    "schema id in front": BadRecord(RejectionReason.NOT_JSON, b"\x00\x00\x00\x00\x07" + click_value()),
    "deeply nested": BadRecord(RejectionReason.WRONG_SHAPE, NESTED),
    "nested unknown field": BadRecord(RejectionReason.NOT_JSON, click_value()[:-1] + b',"more":' + NESTED + b"}"),
    "half a surrogate pair": BadRecord(RejectionReason.NOT_JSON, click_value(user_id="\ud800")),
    "array": BadRecord(RejectionReason.WRONG_SHAPE, b"[" + click_value() + b"]"),
    "string": BadRecord(RejectionReason.WRONG_SHAPE, b'"ann"'),
    "number": BadRecord(RejectionReason.WRONG_SHAPE, b"7"),
    "null": BadRecord(RejectionReason.WRONG_SHAPE, b"null"),
    "no user": BadRecord(RejectionReason.MISSING_FIELD, without("user_id")),
    "no item": BadRecord(RejectionReason.MISSING_FIELD, without("item_id")),
    "no time": BadRecord(RejectionReason.MISSING_FIELD, without("timestamp_ms")),
    "empty user": BadRecord(RejectionReason.EMPTY_ID, click_value(user_id=""), b""),
    "empty item": BadRecord(RejectionReason.EMPTY_ID, click_value(item_id="")),
    "null user": BadRecord(RejectionReason.WRONG_TYPE, click_value(user_id=None)),
    "null item": BadRecord(RejectionReason.WRONG_TYPE, click_value(item_id=None)),
    "null time": BadRecord(RejectionReason.WRONG_TYPE, click_value(timestamp_ms=None)),
    "long user": BadRecord(RejectionReason.ID_TOO_LONG, click_value(user_id="u" * 513), b"u" * 513),
    "long item": BadRecord(RejectionReason.ID_TOO_LONG, click_value(item_id="é" * 257)),
    "long session": BadRecord(RejectionReason.ID_TOO_LONG, click_value(session_id="s" * 100_000)),
    "number as user": BadRecord(RejectionReason.WRONG_TYPE, click_value(user_id=7), b"7"),
    "number as item": BadRecord(RejectionReason.WRONG_TYPE, click_value(item_id=4)),
    "text as time": BadRecord(RejectionReason.WRONG_TYPE, click_value(timestamp_ms=str(MAY_2024_MS))),
    "fraction as time": BadRecord(RejectionReason.WRONG_TYPE, click_value(timestamp_ms=MAY_2024_MS + 0.5)),
    "boolean as time": BadRecord(RejectionReason.WRONG_TYPE, click_value(timestamp_ms=True)),
    "text as consent": BadRecord(RejectionReason.WRONG_TYPE, click_value(consent="no")),
    "text as value": BadRecord(RejectionReason.WRONG_TYPE, click_value(value="high")),
    "negative time": BadRecord(RejectionReason.TIMESTAMP_NEGATIVE, click_value(timestamp_ms=-1)),
    "zero time": BadRecord(RejectionReason.TIMESTAMP_IN_SECONDS, click_value(timestamp_ms=0)),
    "seconds": BadRecord(RejectionReason.TIMESTAMP_IN_SECONDS, click_value(timestamp_ms=MAY_2024_MS // 1000)),
    "year 2100": BadRecord(RejectionReason.TIMESTAMP_IN_FUTURE, click_value(timestamp_ms=YEAR_2100_MS)),
    "microseconds": BadRecord(RejectionReason.TIMESTAMP_IN_FUTURE, click_value(timestamp_ms=MAY_2024_MS * 1000)),
    "no UTF-8": BadRecord(RejectionReason.NOT_UTF8, b"\xff\xfe\x00ann"),
    "Latin-1": BadRecord(RejectionReason.NOT_UTF8, click_value(item_id="caf_").replace(b"_", b"\xe9")),
    "Latin-1 elsewhere": BadRecord(RejectionReason.NOT_UTF8, click_value(more="caf_").replace(b"_", b"\xe9")),
    "tombstone": BadRecord(RejectionReason.NULL_VALUE, None),
    "nothing at all": BadRecord(RejectionReason.NULL_VALUE, None, None),
    "no key": BadRecord(RejectionReason.KEY_MISSING, click_value(), None),
    "key of another user": BadRecord(RejectionReason.KEY_MISMATCH, click_value(), b"bob"),
    "key in quotes": BadRecord(RejectionReason.KEY_MISMATCH, click_value(), b'"ann"'),
    "key that is no text": BadRecord(RejectionReason.KEY_MISMATCH, click_value(), b"\xff\x00"),
    "largest": BadRecord(RejectionReason.NOT_JSON, b"x" * LARGEST_VALUE),
}


def headers_of(case: str) -> Headers:
    """Headers as producers write them: a name twice, bytes that are no text, nothing."""
    if case == "largest":
        # The largest record has no room for any.
        return ()
    return (("trace", b"\x00\xff"), ("case", case.encode()), ("trace", b"again"), ("empty", b""), ("null", None))


def case_of(record: ConsumerRecord) -> str:
    """Return which of the bad records this is; those of other tests are none."""
    is_largest = record.value == BAD_RECORDS["largest"].value
    case: bytes = dict(record.headers).get("case", b"largest" if is_largest else b"none")
    return case.decode()


@pytest.fixture(scope="module")
def set_aside(serving: Serving) -> dict[str, SetAside]:
    """Send every bad record and return what came of each."""
    stream = serving.stream
    stream.send_records(
        [
            OutgoingRecord(stream.settings.clicks_topic, PARTITION, bad.key, bad.value, headers_of(case))
            for case, bad in BAD_RECORDS.items()
        ]
    )
    serving.settle()
    offsets = {case_of(record): record.offset for record in stream.read_all(stream.settings.clicks_topic)}
    letters = stream.read_all(stream.settings.dead_letter_topic)
    return {case_of(letter): SetAside(letter, offsets[case_of(letter)]) for letter in letters}


@pytest.mark.parametrize("case", BAD_RECORDS)
def test_a_bad_record_is_set_aside_as_it_came(serving: Serving, set_aside: dict[str, SetAside], case: str) -> None:
    """Bytes, key and headers are untouched, the reason stands in headers of ours, with where the record came from."""
    letter, offset = set_aside[case]
    bad, headers = BAD_RECORDS[case], headers_of(case)
    assert (letter.key, letter.value) == (bad.key, bad.value)
    assert tuple(letter.headers[: len(headers)]) == headers
    ours = letter.headers[len(headers) :]
    assert [name for name, _ in ours] == [
        "nextclick.reason",
        "nextclick.detail",
        "nextclick.source.topic",
        "nextclick.source.partition",
        "nextclick.source.offset",
    ]
    reason, detail, *source = [text.decode() for _, text in ours]
    assert reason == bad.reason
    assert detail
    assert source == [serving.stream.settings.clicks_topic, str(PARTITION), str(offset)]


def test_the_worker_goes_on_and_every_record_is_accounted_for(serving: Serving, set_aside: dict[str, SetAside]) -> None:
    """A click behind the bad ones has its list; clicks in == applied + dead letters + redelivered + without consent."""
    serving.stream.send(
        [
            {"user_id": "goes-on", "item_id": "item-04", "timestamp_ms": MAY_2024_MS},
            {"user_id": "goes-on-alone", "item_id": "item-04", "timestamp_ms": MAY_2024_MS, "consent": False},
        ]
    )
    assert serving.stream.lists_of("goes-on", 1)[0]["strategy"] == "personal"
    clicks_in = serving.settle()
    outcomes = serving.worker.clicks()
    assert sum(outcomes.values()) == clicks_in
    assert outcomes["redelivered"] == 0
    assert outcomes["without_consent"] >= 1
    assert outcomes["dead_letter"] == len(serving.stream.read_all(serving.stream.settings.dead_letter_topic))
    assert outcomes["applied"] == sum(state.clicks for state in serving.stream.decoded_states().values())
    for reason in {bad.reason for bad in BAD_RECORDS.values()}:
        expected = sum(bad.reason is reason for bad in BAD_RECORDS.values())
        assert serving.worker.metric("nextclick_dead_letters_total", reason=reason) >= expected
    assert set_aside.keys() >= BAD_RECORDS.keys()


def test_unknown_fields_are_accepted_up_to_the_largest_record(serving: Serving) -> None:
    """Producers may grow: a click with more fields has its list, also one as large as the topic takes."""
    small = click_value("grown", more={"deep": [1, {"deeper": None}]}, dwell_ms=7)
    empty = click_value("vee", more="")
    largest = click_value("vee", more="x" * (LARGEST_VALUE - len(empty)))
    assert len(largest) == LARGEST_VALUE
    topic = serving.stream.settings.clicks_topic
    serving.stream.send_records([OutgoingRecord(topic, 0, b"grown", small), OutgoingRecord(topic, 1, b"vee", largest)])
    assert serving.stream.lists_of("grown", 1)[0]["strategy"] == "personal"
    assert serving.stream.lists_of("vee", 1)[0]["strategy"] == "personal"


def test_a_stream_that_is_mostly_rejected_rings_once(serving: Serving) -> None:
    """Four hundred clicks in seconds lead to one line in the log, which names the likely cause."""
    reason = RejectionReason.TIMESTAMP_IN_SECONDS
    seconds = MAY_2024_MS // 1000
    serving.stream.send(
        [{"user_id": f"early-{number}", "item_id": "item-04", "timestamp_ms": seconds} for number in range(400)]
    )
    serving.settle()
    lines = [json.loads(line) for line in serving.worker.log.splitlines()]
    (alarm,) = [line for line in lines if line["event"] == "Most clicks are rejected"]
    assert (alarm["level"], alarm["reason"]) == ("error", reason)
    assert alarm["likely_cause"] == LIKELY_CAUSE[reason]
    assert 2 * alarm["rejected"] > alarm["of"] >= 100
    assert "early-" not in serving.worker.log
