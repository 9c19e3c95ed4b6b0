"""Four small topics as a worker without a mistake would have left them, for tests that then put a mistake in."""

import json
import struct
from collections.abc import Sequence
from dataclasses import replace

from tests.chaos.checker.clicks import decode_clicks
from tests.chaos.checker.expectation import Expected, expectations
from tests.chaos.checker.model import CheckedModel
from tests.chaos.checker.records import Observed, TopicRecord
from tests.chaos.checker.states import DecodedState
from tests.click_tables import MAY_2024_MS
from workers.user_state import UserState, encode_state

# Offset 4 is no click; ann's second session begins at offset 5.
CLICKS: Sequence[tuple[str, str, str | None]] = (
    ("ann", "item-01", "s1"),
    ("bob", "item-02", None),
    ("ann", "item-03", "s1"),
    ("ann", "item-05", "s1"),
    ("bob", "", None),
    ("ann", "item-07", "s2"),
    ("bob", "unknown", None),
)
BAD_OFFSET = 4


def make_topics(model: CheckedModel) -> Observed:
    """Make the topics of one partition: each click's list at its second, its state half a second later."""
    clicks = [_click_record(offset, *click) for offset, click in enumerate(CLICKS)]
    return replace(answered(clicks, model), dead_letters=[_dead_letter(clicks[BAD_OFFSET])])


def answered(clicks: Sequence[TopicRecord], model: CheckedModel) -> Observed:
    """Make the lists and states of one partition's clicks, and no dead letters."""
    expected = list(expectations(model, decode_clicks(clicks)[0]).values())
    expected.sort(key=lambda one: one.click.record.offset)
    remembered = [one for one in expected if one.state is not None]
    return Observed(
        clicks=clicks,
        lists=[_list_record(number, one, model) for number, one in enumerate(expected)],
        dead_letters=[],
        states=[_state_record(number, one) for number, one in enumerate(remembered)],
    )


def without(records: Sequence[TopicRecord], position: int) -> list[TopicRecord]:
    """Leave one record out."""
    return [record for number, record in enumerate(records) if number != position]


def again(records: Sequence[TopicRecord], position: int) -> list[TopicRecord]:
    """Write one record again, at the end."""
    return [*records, records[position]._replace(offset=len(records), timestamp_ms=records[-1].timestamp_ms + 1)]


def with_state(observed: Observed, position: int, state: DecodedState) -> Observed:
    """Put another state into a record of the changelog."""
    states = list(observed.states)
    states[position] = states[position]._replace(value=encoded(state))
    return replace(observed, states=states)


def encoded(state: DecodedState) -> bytes:
    """Encode a state as the worker does."""
    return encode_state(
        UserState(
            source_partition=state.source_partition,
            last_offset=state.last_offset,
            updated_at_ms=state.updated_at_ms,
            clicks=state.clicks,
            session_hash=state.session_hash,
            session_clicks=state.session_clicks,
            ring=b"".join(struct.pack("<Qq", *entry) for entry in state.ring),
            slots=state.slots,
        )
    )


def _click_record(offset: int, user_id: str, item_id: str, session_id: str | None) -> TopicRecord:
    fields = {"user_id": user_id, "item_id": item_id, "timestamp_ms": MAY_2024_MS + offset, "session_id": session_id}
    return TopicRecord(0, offset, 1_000 * offset, user_id.encode(), json.dumps(fields).encode(), (("trace", b"7"),))


def _list_record(number: int, one: Expected, model: CheckedModel) -> TopicRecord:
    click = one.click
    # Where everyone's clicks are in it, a list is not made again: any items that are well ordered will do.
    items, scores = one.ranked or (model.item_ids[: model.list_length], range(model.list_length, 0, -1))
    body = {
        "user_id": click.user_id,
        "items": items,
        "scores": [float(score) for score in scores],
        "model_id": model.model_id,
        "strategy": one.strategy,
        "event_id": click.event_id,
        "source": {"topic": "clicks", "partition": 0, "offset": click.record.offset},
    }
    return TopicRecord(0, number, click.record.timestamp_ms, click.record.key, json.dumps(body).encode())


def _state_record(number: int, one: Expected) -> TopicRecord:
    assert one.state is not None
    record = one.click.record
    return TopicRecord(0, number, record.timestamp_ms + 500, record.key, encoded(one.state))


def _dead_letter(record: TopicRecord) -> TopicRecord:
    reason = {"reason": b"empty_id", "source.partition": b"0", "source.offset": str(record.offset).encode()}
    headers = (*record.headers, *((f"nextclick.{name}", value) for name, value in reason.items()))
    return record._replace(offset=0, headers=headers)
