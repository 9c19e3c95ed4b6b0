"""Bytes of the click topic become clicks, field by field."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.sequences.vocabulary import ItemId, UserId
from tests.click_records import click_value, make_record
from tests.click_tables import MAY_2024_MS
from tests.workers.decoders import DAY_MS, make_decoder, with_field
from workers.decoding import FIELDS, message_struct
from workers.events import ClickEvent, Rejection


def test_every_field_is_read() -> None:
    """All eight fields arrive under their names, and the record comes along."""
    value = (
        b'{"user_id":"ann","item_id":"item-04","timestamp_ms":1714521600001,"event_id":"e1","session_id":"s1",'
        b'"event_type":"cart","value":2.5,"consent":false}'
    )
    record = make_record(value)
    assert make_decoder().decode(record) == ClickEvent(
        record=record,
        user_id=UserId("ann"),
        item_id=ItemId("item-04"),
        timestamp_ms=1714521600001,
        event_id="e1",
        session_id="s1",
        event_type="cart",
        value=2.5,
        consent=False,
    )


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ('"consent":true', True),
        ('"consent":false', False),
        ('"consent":null', True),
        ('"x":1', True),
    ],
)
def test_only_an_explicit_false_withholds_consent(field: str, expected: bool) -> None:
    """Consent is an optional field: a producer that does not send it has asked elsewhere."""
    click = make_decoder().decode(make_record(with_field(field)))
    assert isinstance(click, ClickEvent)
    assert click.consent is expected


@pytest.mark.parametrize(
    "value",
    [
        with_field('"basket":{"lines":[1,2,{"sku":"x"}]}'),
        with_field('"x":' + "9" * 5_000),
        with_field('"x":1e999'),
        with_field('"value":3'),
        with_field('"value":-0.0'),
        with_field('"session_id":""'),
        with_field('"event_id":null,"session_id":null,"event_type":null,"value":null'),
        with_field('"event_id":"\\u0000"'),
        with_field('"event_id":"\\ud83d\\ude00"'),
        with_field('"padding":"' + "x" * 1_048_576 + '"'),
        b' \r\n\t{"timestamp_ms":1714521600000 , "item_id" : "x", "user_id":"ann"} ',
        b'{"user_id":"bob","item_id":"x","timestamp_ms":1714521600000,"user_id":"ann"}',
    ],
    ids=[
        "unknown fields",
        "5,000 digits in an unknown field",
        "infinite unknown field",
        "integer for a float",
        "negative zero",
        "empty session",
        "optional fields null",
        "control character",
        "surrogate pair",
        "1 MiB",
        "spaces and another order",
        "the last of two keys counts",
    ],
)
def test_what_is_strange_but_a_click_is_accepted(value: bytes) -> None:
    """Producers may grow fields, and JSON may be written in more than one way."""
    click = make_decoder().decode(make_record(value))
    assert isinstance(click, ClickEvent), click
    assert (click.user_id, click.item_id, click.timestamp_ms) == ("ann", "x", 1714521600000)


def test_longest_id_and_latest_time_are_accepted() -> None:
    """Limits are the last good value, in bytes of UTF-8 and in milliseconds."""
    value = click_value("ann", "é" * 256, MAY_2024_MS + DAY_MS, session_id="s" * 512)
    assert isinstance(make_decoder().decode(make_record(value)), ClickEvent)
    assert isinstance(make_decoder().decode(make_record(click_value(timestamp_ms=100_000_000_000))), ClickEvent)


def test_fields_may_have_other_names() -> None:
    """A mapped field is read under the producer's name, and its own name is then an unknown field."""
    decoder = make_decoder(field_map={"user_id": "visitorId", "item_id": "sku"})
    click = decoder.decode(
        make_record(b'{"visitorId":"ann","sku":"x","timestamp_ms":1714521600000,"user_id":5,"item_id":"y"}')
    )
    assert isinstance(click, ClickEvent)
    assert (click.user_id, click.item_id) == ("ann", "x")
    rejection = decoder.decode(make_record(click_value()))
    assert isinstance(rejection, Rejection)
    assert rejection.reason == "missing_field"
    assert "visitorId" in rejection.detail


def test_fields_may_swap_their_names() -> None:
    """A producer may use our names for something else."""
    click = make_decoder(field_map={"user_id": "item_id", "item_id": "user_id"}, check_key=False).decode(make_record())
    assert isinstance(click, ClickEvent)
    assert (click.user_id, click.item_id) == ("item-04", "ann")


@pytest.mark.parametrize("field_map", [{"user_id": "id", "item_id": "id"}, {"user_id": "item_id"}, {"user_id": 'a"b'}])
def test_impossible_field_names_are_refused(field_map: dict[str, str]) -> None:
    """Two fields of one name cannot both be read."""
    with pytest.raises(ValueError, match="name"):
        message_struct(field_map)


def test_fields_are_those_of_the_message() -> None:
    """What can be mapped is what is read."""
    assert message_struct({}).__struct_fields__ == FIELDS


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=8,
)
MESSAGES = st.dictionaries(st.sampled_from(FIELDS), JSON_VALUES | st.just("ann") | st.just(MAY_2024_MS))


@given(value=st.none() | st.binary(), key=st.none() | st.binary())
def test_no_bytes_raise(value: bytes | None, key: bytes | None) -> None:
    """Whatever the bytes, a record is a click or a rejection that keeps it."""
    record = make_record(value, key=key)
    decoded = make_decoder().decode(record)
    assert isinstance(decoded, ClickEvent | Rejection)
    assert decoded.record is record


@given(message=MESSAGES | JSON_VALUES, check_key=st.booleans())
def test_no_json_raises_and_a_click_is_what_its_json_says(message: object, check_key: bool) -> None:
    """Whatever the fields hold, a click is only made of values of the right types."""
    record = make_record(json.dumps(message).encode())
    decoded = make_decoder(check_key=check_key).decode(record)
    if isinstance(decoded, Rejection):
        return
    assert isinstance(message, dict)
    assert decoded.user_id == message["user_id"]
    assert decoded.item_id == message["item_id"]
    assert decoded.timestamp_ms == message["timestamp_ms"]
    assert 100_000_000_000 <= decoded.timestamp_ms <= MAY_2024_MS + DAY_MS
    assert (decoded.event_id, decoded.session_id, decoded.event_type, decoded.value) == tuple(
        message.get(name) for name in ("event_id", "session_id", "event_type", "value")
    )
    for text in (decoded.user_id, decoded.item_id, decoded.event_id or "", decoded.session_id or ""):
        text.encode()
