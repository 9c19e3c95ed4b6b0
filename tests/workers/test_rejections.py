"""What is no click, and the reason that is given for it."""

import msgspec
import pytest

from tests.click_records import click_value, make_record
from tests.click_tables import MAY_2024_MS
from tests.workers.decoders import DAY_MS, make_decoder, with_field, with_timestamp
from workers.decoding import message_struct
from workers.events import LIKELY_CAUSE, ClickEvent, Headers, Rejection, RejectionReason
from workers.record_sizes import RECORD_BYTES


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
