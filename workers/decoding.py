"""Step 1: bytes -> `ClickEvent`, or a `Rejection` that keeps the bytes."""

from collections.abc import Callable, Mapping
from typing import Protocol, cast

import msgspec

from models.sequences.vocabulary import ItemId, UserId
from workers.events import ClickEvent, ClickRecord, Rejection, RejectionReason
from workers.record_sizes import RECORD_BYTES

FIELDS = (
    "user_id",
    "item_id",
    "timestamp_ms",
    "event_id",
    "session_id",
    "event_type",
    "value",
    "consent",
)
# 100,000,000,000 ms is March 1973: an event time below it is a count of seconds, or a clock that was never set.
EARLIEST_TIMESTAMP_MS = 100_000_000_000
# Around each header: the lengths of its name and of its value, of up to five bytes each.
_HEADER_LENGTHS = 10


class _ClickMessage(Protocol):
    """The message's JSON object; the struct behind it is made once, with the producer's field names."""

    user_id: str
    item_id: str
    timestamp_ms: int
    event_id: str | None
    session_id: str | None
    event_type: str | None
    value: float | None
    consent: bool | None


class _Refused(Exception):  # noqa: N818 - a reason on its way to a Rejection, not an error
    """Carries a reason out of the checks; never leaves this file."""

    def __init__(self, reason: RejectionReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class ClickDecoder:
    """Decodes and validates click records.

    Args:
        field_map: Our field name to the producer's, for those that differ.
        max_id_bytes: Longest user, item, session or event id, in bytes of UTF-8.
        max_future_ms: How far an event time may lie ahead of the wall clock.
        check_key: Whether the record's key must be the user id; not where clicks are re-keyed first.
        now_ms: The wall clock; it decides on the far future only.
    """

    def __init__(
        self,
        *,
        field_map: Mapping[str, str],
        max_id_bytes: int,
        max_future_ms: int,
        check_key: bool,
        now_ms: Callable[[], int],
    ) -> None:
        self._decode = msgspec.json.Decoder(message_struct(field_map)).decode
        self._max_id_bytes = max_id_bytes
        self._max_future_ms = max_future_ms
        self._check_key = check_key
        self._now_ms = now_ms

    def decode(self, record: ClickRecord) -> ClickEvent | Rejection:
        """Return the record's click, or why it is none; never raises on a record, whatever its bytes."""
        try:
            value = _checked_value(record)
            message = self._decode_message(value)
            self._check_ids(message, len(value))
            self._check_timestamp(message.timestamp_ms)
            if self._check_key:
                _check_key(record.key, message.user_id)
        except _Refused as refused:
            return Rejection(record, refused.reason, refused.detail)
        # By position: half the time of naming the fields, once a click.
        return ClickEvent(
            record,
            UserId(message.user_id),
            ItemId(message.item_id),
            message.timestamp_ms,
            message.event_id,
            message.session_id,
            message.event_type,
            message.value,
            message.consent is not False,
        )

    def _decode_message(self, value: bytes) -> _ClickMessage:
        try:
            # msgspec does not look at the bytes of fields that it leaves out.
            value.decode()
            return cast(_ClickMessage, self._decode(value))
        except UnicodeDecodeError as error:
            raise _Refused(RejectionReason.NOT_UTF8, str(error)) from error
        except msgspec.ValidationError as error:
            raise _Refused(_validation_reason(str(error)), str(error)) from error
        except (msgspec.DecodeError, RecursionError) as error:
            raise _Refused(RejectionReason.NOT_JSON, str(error)) from error

    def _check_ids(self, message: _ClickMessage, message_bytes: int) -> None:
        if not message.user_id or not message.item_id:
            name = "item_id" if message.user_id else "user_id"
            raise _Refused(RejectionReason.EMPTY_ID, f"{name} is empty")
        # No id is longer than the message that it came in, which is short as a rule.
        if message_bytes <= self._max_id_bytes:
            return
        for name in ("user_id", "item_id", "session_id", "event_id", "event_type"):
            text: str | None = getattr(message, name)
            size = 0 if text is None else len(text.encode())
            if size > self._max_id_bytes:
                detail = f"{name} has {size} bytes, the limit is {self._max_id_bytes}"
                raise _Refused(RejectionReason.ID_TOO_LONG, detail)

    def _check_timestamp(self, timestamp_ms: int) -> None:
        if timestamp_ms < 0:
            raise _Refused(RejectionReason.TIMESTAMP_NEGATIVE, f"timestamp_ms is {timestamp_ms}")
        if timestamp_ms < EARLIEST_TIMESTAMP_MS:
            detail = f"timestamp_ms is {timestamp_ms}, which is before 1973 in milliseconds"
            raise _Refused(RejectionReason.TIMESTAMP_IN_SECONDS, detail)
        ahead_ms = timestamp_ms - self._now_ms()
        if ahead_ms > self._max_future_ms:
            detail = f"timestamp_ms is {timestamp_ms}, {ahead_ms // 1000} s ahead of the worker's clock"
            raise _Refused(RejectionReason.TIMESTAMP_IN_FUTURE, detail)


def message_struct(field_map: Mapping[str, str]) -> type[msgspec.Struct]:
    """Return the struct behind `_ClickMessage`.

    Raises:
        ValueError: If two fields have one name, or a name cannot be a JSON field's.
    """
    optional = {"event_id": str, "session_id": str, "event_type": str, "value": float, "consent": bool}
    return msgspec.defstruct(
        "ClickMessage",
        [
            ("user_id", str),
            ("item_id", str),
            ("timestamp_ms", int),
            *((name, kind | None, None) for name, kind in optional.items()),
        ],
        rename=dict(field_map),
        frozen=True,
    )


def _checked_value(record: ClickRecord) -> bytes:
    size = len(record.value or b"") + len(record.key or b"")
    for name, value in record.headers:
        size += len(name.encode()) + len(value or b"") + _HEADER_LENGTHS
    if size > RECORD_BYTES:
        detail = f"the record has {size} bytes with its headers, at most {RECORD_BYTES} can be set aside"
        raise _Refused(RejectionReason.RECORD_TOO_LARGE, detail)
    if record.value is None:
        raise _Refused(RejectionReason.NULL_VALUE, "the record has no value")
    return record.value


def _check_key(key: bytes | None, user_id: str) -> None:
    if key is None:
        raise _Refused(RejectionReason.KEY_MISSING, "the record has no key, it must be the user id")
    if key != user_id.encode():
        raise _Refused(RejectionReason.KEY_MISMATCH, "the record's key is not the user id")


def _validation_reason(detail: str) -> RejectionReason:
    """Read msgspec's sentence; a test holds each of these up against the library."""
    if "missing required field" in detail:
        return RejectionReason.MISSING_FIELD
    if detail.startswith("Expected `object`"):
        return RejectionReason.WRONG_SHAPE
    return RejectionReason.WRONG_TYPE
