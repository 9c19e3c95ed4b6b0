"""The events of the stream, and what Kafka carries them in."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import msgspec

from models.sequences.vocabulary import ItemId, UserId

# A header may have no value, and a name may come more than once.
Headers = tuple[tuple[str, bytes | None], ...]


class ClickRecord(NamedTuple):
    """A record of the click topic as Kafka gave it, not yet looked into."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class ClickEvent(msgspec.Struct, frozen=True, gc=False):
    """One valid click.

    Attributes:
        record: Where it came from.
        user_id: Whose state it advances; the record's key.
        item_id: What was clicked; may be unknown to the model.
        timestamp_ms: Event time, milliseconds since 1970.
        event_id: The producer's id, echoed in the list.
        session_id: The producer's session, where it has one.
        event_type: view, cart, purchase, ...
        value: A dwell time or a rating.
        consent: False where the user's state may neither be read nor written.
    """

    record: ClickRecord
    user_id: UserId
    item_id: ItemId
    timestamp_ms: int
    event_id: str | None = None
    session_id: str | None = None
    event_type: str | None = None
    value: float | None = None
    consent: bool = True


class RejectionReason(StrEnum):
    """Why a record cannot be used as a click: the dead letter's `reason` header and a metric's label."""

    RECORD_TOO_LARGE = "record_too_large"
    NULL_VALUE = "null_value"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    WRONG_SHAPE = "wrong_shape"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    EMPTY_ID = "empty_id"
    ID_TOO_LONG = "id_too_long"
    TIMESTAMP_NEGATIVE = "timestamp_negative"
    TIMESTAMP_IN_SECONDS = "timestamp_in_seconds"
    TIMESTAMP_IN_FUTURE = "timestamp_in_future"
    KEY_MISSING = "key_missing"
    KEY_MISMATCH = "key_mismatch"
    MODEL_FAILURE = "model_failure"


# What an operator should look at first when most of a stream is rejected for one reason.
LIKELY_CAUSE: Mapping[RejectionReason, str] = {
    RejectionReason.RECORD_TOO_LARGE: "the records are larger than 1 MiB before compression: are they clicks?",
    RejectionReason.NULL_VALUE: "the topic holds tombstones: is it a compacted topic, not a click log?",
    RejectionReason.NOT_UTF8: "the values are not text: does the producer write Avro or Protobuf?",
    RejectionReason.NOT_JSON: "the values are not JSON: does the producer write Avro, or a schema id in front?",
    RejectionReason.WRONG_SHAPE: "the values are JSON but no objects: does the producer batch clicks into arrays?",
    RejectionReason.MISSING_FIELD: "the producer names its fields otherwise: map them with NEXTCLICK_FIELD_MAP.",
    RejectionReason.WRONG_TYPE: "the producer writes another type, such as numbers for ids: ids must be strings.",
    RejectionReason.EMPTY_ID: "the producer sends clicks of users or items that it does not know.",
    RejectionReason.ID_TOO_LONG: "the ids are longer than NEXTCLICK_MAX_ID_BYTES.",
    RejectionReason.TIMESTAMP_NEGATIVE: "the producer's clock or its unit is wrong.",
    RejectionReason.TIMESTAMP_IN_SECONDS: "the producer writes seconds: timestamp_ms is in milliseconds.",
    RejectionReason.TIMESTAMP_IN_FUTURE: "the producer's clock is ahead, or it writes microseconds.",
    RejectionReason.KEY_MISSING: "the producer sends no key: key clicks by user id, or set NEXTCLICK_REKEY=true.",
    RejectionReason.MODEL_FAILURE: "the model fails on them: the dead letters' detail says how; export it again.",
    RejectionReason.KEY_MISMATCH: "the clicks have other keys: key them by user id, or set NEXTCLICK_REKEY=true.",
}


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that cannot be used as a click; it becomes a dead letter with its bytes untouched."""

    record: ClickRecord
    reason: RejectionReason
    detail: str


class Strategy(StrEnum):
    """How a list came about."""

    PERSONAL = "personal"  # from the user's state
    REBUILT = "rebuilt"  # from a state just rebuilt from the user's ring, because the model changed
    SINGLE_CLICK = "single_click"  # from this click alone: no consent to more
    POPULAR = "popular"  # nothing that the model knows has been clicked yet
    TRENDING = "trending"  # the same, where what everyone clicks just now is known


class OutgoingRecord(NamedTuple):
    """A record to be written to a given partition."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
