import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vocabulary import ItemId, UserId
from tests.click_records import click_value, make_record
from tests.click_tables import MAY_2024_MS
from workers.decoding import FIELDS, ClickDecoder, message_struct
from workers.events import LIKELY_CAUSE, ClickEvent, Headers, Rejection, RejectionReason
from workers.record_sizes import RECORD_BYTES

DAY_MS = 86_400_000


def make_decoder(
    *, field_map: dict[str, str] | None = None, max_id_bytes: int = 512, check_key: bool = True
) -> ClickDecoder:
    """A decoder whose clock stands still on the first of May 2024."""
    return ClickDecoder(
        field_map=field_map or {},
        max_id_bytes=max_id_bytes,
        max_future_ms=DAY_MS,
        check_key=check_key,
        now_ms=lambda: MAY_2024_MS,
    )


def with_timestamp(number: str) -> bytes:
    """A click whose timestamp is written like this, be it JSON or not."""
    return b'{"user_id":"ann","item_id":"x","timestamp_ms":%s}' % number.encode()


def with_field(field: str) -> bytes:
    """A good click with one more field, written like this."""
    return b'{"user_id":"ann","item_id":"x","timestamp_ms":1714521600000,%s}' % field.encode()


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


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "null_value"),
        (b"", "not_json"),
        (b"   ", "not_json"),
        (b"{", "not_json"),
        (b"clicked!", "not_json"),
        (b"\x00\x00\x00\x00\x07\x06ann", "not_json"),
        (b'\xef\xbb\xbf{"user_id":"ann"}', "not_json"),
        (click_value() + b"x", "not_json"),
        (with_field('"x":' + "[" * 100_000 + "]" * 100_000), "not_json"),
        (b'{"x":' * 100_000, "not_json"),
        (with_field('"event_id":"\\ud800"'), "not_json"),
        (with_field('"x":"\\udc00\\ud800"'), "not_json"),
        (with_timestamp("NaN"), "not_json"),
        (with_timestamp("0x10"), "not_json"),
        (with_timestamp("01714521600000"), "not_json"),
        (b"\xff\xfe{\x00", "not_utf8"),
        (b'{"user_id":"\xe9","item_id":"x","timestamp_ms":1714521600000}', "not_utf8"),
        (b'{"user_id":5,"item_id":"\xe9"}', "not_utf8"),
        (b'{"user_id":"ann","item_id":"x","timestamp_ms":1714521600000,"unknown":"\xff"}', "not_utf8"),
        (click_value() + b"\xff", "not_utf8"),
        (b"null", "wrong_shape"),
        (b"[]", "wrong_shape"),
        (b"[" + click_value() + b"]", "wrong_shape"),
        (b'"ann"', "wrong_shape"),
        (b"1714521600000", "wrong_shape"),
        (b"[" * 100_000, "wrong_shape"),
        (b"{}", "missing_field"),
        (b'{"item_id":"x","timestamp_ms":1714521600000}', "missing_field"),
        (b'{"user_id":"ann","timestamp_ms":1714521600000}', "missing_field"),
        (b'{"user_id":"ann","item_id":"x"}', "missing_field"),
        (click_value(user_id=None), "wrong_type"),
        (click_value(user_id=7), "wrong_type"),
        (click_value(user_id={"id": "ann"}), "wrong_type"),
        (click_value(item_id=None), "wrong_type"),
        (click_value(item_id=["x"]), "wrong_type"),
        (click_value(timestamp_ms=None), "wrong_type"),
        (click_value(timestamp_ms="1714521600000"), "wrong_type"),
        (click_value(timestamp_ms=True), "wrong_type"),
        (with_timestamp("1714521600000.0"), "wrong_type"),
        (with_timestamp("1.7e12"), "wrong_type"),
        (with_timestamp("-0.0"), "wrong_type"),
        (with_timestamp("1e400"), "wrong_type"),
        (with_timestamp("9" * 5_000), "wrong_type"),
        (with_timestamp("-" + "9" * 5_000), "wrong_type"),
        (with_field('"value":"2.5"'), "wrong_type"),
        (with_field('"value":1e400'), "wrong_type"),
        (with_field('"value":' + "9" * 400), "wrong_type"),
        (with_field('"consent":0'), "wrong_type"),
        (with_field('"consent":"false"'), "wrong_type"),
        (with_field('"event_id":5'), "wrong_type"),
        (with_field('"session_id":["s"]'), "wrong_type"),
        (with_field('"event_type":true'), "wrong_type"),
        (click_value(user_id=""), "empty_id"),
        (click_value(item_id=""), "empty_id"),
        (click_value(user_id="u" * 513), "id_too_long"),
        (click_value(user_id="u" * 1_048_576), "id_too_long"),
        (click_value(item_id="é" * 257), "id_too_long"),
        (click_value(session_id="s" * 513), "id_too_long"),
        (click_value(event_id="e" * 513), "id_too_long"),
        (click_value(event_type="t" * 513), "id_too_long"),
        (click_value(timestamp_ms=-1), "timestamp_negative"),
        (with_timestamp("-" + "9" * 4_299), "timestamp_negative"),
        (with_timestamp("0"), "timestamp_in_seconds"),
        (with_timestamp("-0"), "timestamp_in_seconds"),
        (click_value(timestamp_ms=1_714_521_600), "timestamp_in_seconds"),
        (click_value(timestamp_ms=99_999_999_999), "timestamp_in_seconds"),
        (click_value(timestamp_ms=MAY_2024_MS + DAY_MS + 1), "timestamp_in_future"),
        (click_value(timestamp_ms=MAY_2024_MS * 1_000), "timestamp_in_future"),
        (click_value(timestamp_ms=2**64), "timestamp_in_future"),
        (with_timestamp("9" * 4_299), "timestamp_in_future"),
    ],
    ids=lambda argument: None if isinstance(argument, str) else repr(argument)[:60],
)
def test_bad_input_is_a_rejection_with_its_reason_and_its_record(value: bytes | None, reason: str) -> None:
    """Every bad record becomes a value that says why, and keeps the record as it was."""
    record = make_record(value, offset=7, headers=(("trace", b"\x00\xff"),))
    rejection = make_decoder().decode(record)
    assert isinstance(rejection, Rejection), rejection
    assert rejection.reason == reason
    assert rejection.record is record
    assert rejection.detail


@pytest.mark.parametrize(
    ("key", "reason"),
    [(None, "key_missing"), (b"", "key_mismatch"), (b"bob", "key_mismatch"), (b"\xff", "key_mismatch")],
)
def test_key_that_is_not_the_user_id_is_a_rejection(key: bytes | None, reason: str) -> None:
    """The key decides who owns the user's state: a click under another key must not reach it."""
    rejection = make_decoder().decode(make_record(key=key))
    assert isinstance(rejection, Rejection)
    assert rejection.reason == reason


@pytest.mark.parametrize("key", [None, b"bob"])
def test_key_is_not_looked_at_before_re_keying(key: bytes | None) -> None:
    """There it is the key that is wrong, not the click."""
    assert isinstance(make_decoder(check_key=False).decode(make_record(key=key)), ClickEvent)


def test_key_is_compared_as_utf8() -> None:
    """A user id beyond ASCII is its own key."""
    record = make_record(click_value(user_id="zoë"), key="zoë".encode())
    assert isinstance(make_decoder().decode(record), ClickEvent)


@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [
        (b"ann", b" " * RECORD_BYTES, ()),
        (b"k" * (RECORD_BYTES + 1), None, ()),
        (b"ann", click_value(), (("h", b" " * RECORD_BYTES),)),
        (b"ann", click_value(), (("h" * RECORD_BYTES, None),)),
        (b"ann", click_value(), (("h", None),) * (RECORD_BYTES // 10)),
    ],
    ids=["value", "key", "header's value", "header's name", "headers"],
)
def test_what_could_not_be_set_aside_is_rejected_first(key: bytes, value: bytes | None, headers: Headers) -> None:
    """Whatever else is wrong with it, or right."""
    rejection = make_decoder().decode(make_record(value, key=key, headers=headers))
    assert isinstance(rejection, Rejection)
    assert rejection.reason is RejectionReason.RECORD_TOO_LARGE
    assert len(rejection.detail) < 100


def test_a_click_of_the_largest_size_is_accepted() -> None:
    room = RECORD_BYTES - len(b"ann") - len(click_value(more="")) - len("h") - 10
    half = room // 2
    record = make_record(click_value(more="x" * half), headers=(("h", b"x" * (room - half)),))
    assert isinstance(make_decoder().decode(record), ClickEvent)
    one_more = make_record(click_value(more="x" * half), headers=(("h", b"x" * (room - half + 1)),))
    assert isinstance(make_decoder().decode(one_more), Rejection)


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


def test_msgspec_says_what_reasons_are_read_from() -> None:
    """Reasons are read from msgspec's sentences: a release that words them otherwise must fail here."""
    sentences = {}
    decoder = msgspec.json.Decoder(message_struct({}))
    for value in (b"{}", b"[]", b"null", click_value(user_id=7), click_value(user_id={}), click_value(value="x")):
        with pytest.raises(msgspec.ValidationError) as raised:
            decoder.decode(value)
        sentences[value] = str(raised.value)
    assert list(sentences.values()) == [
        "Object missing required field `user_id`",
        "Expected `object`, got `array`",
        "Expected `object`, got `null`",
        "Expected `str`, got `int` - at `$.user_id`",
        "Expected `str`, got `object` - at `$.user_id`",
        "Expected `float | null`, got `str` - at `$.value`",
    ]


def test_every_reason_has_a_likely_cause() -> None:
    """The alarm looks causes up."""
    assert set(LIKELY_CAUSE) == set(RejectionReason)


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
