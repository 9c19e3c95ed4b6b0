"""What goes out: lists, dead letters and changelog records as Kafka carries them.

Legend: S lists, K list length.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import orjson
from numpy.typing import NDArray

from models.counts.counts_fold import Snapshot
from models.sequences.vocabulary import ItemId
from workers.events import ClickEvent, Headers, OutgoingRecord, Rejection, RejectionReason, Strategy

SCHEMA_VERSION = 1
HEADER_PREFIX = "nextclick."


class ListWriter:
    """Writes lists as records: keyed by user, on their clicks' partitions, the wall clock in a header only.

    Same clicks and same artifact give the same values, byte for byte.

    Args:
        topic: Where lists go.
        item_ids: The vocabulary, in row order.
        model_id: Named in every list.
    """

    def __init__(self, *, topic: str, item_ids: Sequence[ItemId], model_id: str) -> None:
        self._topic = topic
        self._item_ids = item_ids
        self._model_id = model_id

    def records(
        self,
        clicks: Iterable[ClickEvent],
        top_item: NDArray[np.int64],
        top_score: NDArray[np.float32],
        strategies: Iterable[Strategy],
        *,
        generated_at_ms: int,
        snapshot: Snapshot | None = None,
    ) -> list[OutgoingRecord]:
        """Return the list of each click.

        Args:
            clicks: The clicks, S of them.
            top_item: (S, K), best first.
            top_score: (S, K); -inf behind the last item that may be listed.
            strategies: How each list came about, S of them.
            generated_at_ms: The wall clock.
            snapshot: Which live counts they were ranked with; None: without any.
        """
        counts = snapshot_fields(snapshot)
        headers = ((f"{HEADER_PREFIX}generated_at_ms", str(generated_at_ms).encode()),)
        list_length = top_score.shape[1]
        lengths = np.isfinite(top_score).sum(axis=1).tolist()
        rows = zip(clicks, top_item.tolist(), top_score, lengths, strategies, strict=True)
        return [
            OutgoingRecord(
                self._topic,
                click.record.partition,
                click.record.key,
                self._value(click, items, scores, strategy, counts)
                if length == list_length
                else self._value(click, items[:length], scores[:length], strategy, counts),
                headers,
            )
            for click, items, scores, length, strategy in rows
        ]

    def _value(
        self,
        click: ClickEvent,
        items: list[int],
        scores: NDArray[np.float32],
        strategy: Strategy,
        counts: Mapping[str, object],
    ) -> bytes:
        record, item_ids = click.record, self._item_ids
        return orjson.dumps(
            {
                "schema_version": SCHEMA_VERSION,
                "user_id": click.user_id,
                # Parallel arrays: a third smaller than a list of objects, and cheaper to write.
                "items": [item_ids[item] for item in items],
                # orjson writes a float32 with the fewest digits that read back as the same float32.
                "scores": scores,
                "model_id": self._model_id,
                "strategy": strategy,
                "event_id": click.event_id,
                "source": {
                    "topic": record.topic,
                    "partition": record.partition,
                    "offset": record.offset,
                    "timestamp_ms": click.timestamp_ms,
                },
                **counts,
            },
            option=orjson.OPT_SERIALIZE_NUMPY,
        )


def snapshot_fields(snapshot: Snapshot | None) -> Mapping[str, object]:
    """Return what a list says of the live counts that it was ranked with; nothing where there were none."""
    return {} if snapshot is None else {"counts": {"bucket": snapshot.bucket, "offset": snapshot.offset}}


def dead_letter_record(rejection: Rejection, *, topic: str, partitions: int) -> OutgoingRecord:
    """Return a rejected record with its bytes, key and headers untouched and the reason in headers of its own.

    One that is too large to be set aside stays where it was: its dead letter has the headers of its own alone.

    Args:
        rejection: The record and why it was rejected.
        topic: Where dead letters go.
        partitions: How many partitions that topic has; it may have fewer than the click topic.
    """
    record = rejection.record
    reason = {
        "reason": rejection.reason,
        "detail": rejection.detail[:_MAX_DETAIL],
        "source.topic": record.topic,
        "source.partition": str(record.partition),
        "source.offset": str(record.offset),
    }
    headers: Headers = tuple((HEADER_PREFIX + name, text.encode()) for name, text in reason.items())
    partition = record.partition % partitions
    if rejection.reason is RejectionReason.RECORD_TOO_LARGE:
        return OutgoingRecord(topic, partition, None, None, headers)
    return OutgoingRecord(topic, partition, record.key, record.value, (*record.headers, *headers))


# A detail quotes the record at times; the dead-letter topic's limit leaves room for this much beside the record.
_MAX_DETAIL = 500
