"""The output topic's lists, as a consumer reads them."""

import msgspec

from models.errors import TopicError
from nextclick.topic_reading import ConsumerRecord


class ClickSource(msgspec.Struct, frozen=True):
    """Where a list's click is."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int


class ListCounts(msgspec.Struct, frozen=True):
    """Which live counts a list was ranked with: `models.counts.counts_fold.Snapshot`."""

    bucket: int
    offset: int


class PublishedList(msgspec.Struct, frozen=True, omit_defaults=True):
    """One list, best item first; `items` and `scores` are parallel. Fields of later versions are ignored."""

    schema_version: int
    user_id: str
    items: tuple[str, ...]
    scores: tuple[float, ...]
    model_id: str
    strategy: str
    source: ClickSource
    event_id: str | None = None
    counts: ListCounts | None = None


_decode = msgspec.json.Decoder(PublishedList).decode


def decode_list(record: ConsumerRecord) -> PublishedList:
    """Return the list of a record.

    Raises:
        TopicError: If it is none: something else writes to the topic.
    """
    try:
        return _decode(record.value or b"")
    except msgspec.DecodeError as error:
        raise TopicError(
            f"{record.topic}/{record.partition} offset {record.offset} is no list ({error}): "
            "does something else write to this topic?"
        ) from error
