"""Whatever bytes arrive, each record becomes a click or a rejection, and each of those can be written.

`make fuzz` runs 100,000 records; NEXTCLICK_TEST_FUZZ_RECORDS and NEXTCLICK_TEST_FUZZ_SEED say otherwise.
"""

import json
import os
from collections import Counter

import numpy as np

from models.sequences.vocabulary import ItemId
from tests.click_tables import MAY_2024_MS
from tests.workers.decoders import DAY_MS, make_decoder
from tests.workers.mutations import mutated_records
from workers.decoding import EARLIEST_TIMESTAMP_MS
from workers.events import ClickEvent, Rejection, RejectionReason, Strategy
from workers.messages import HEADER_PREFIX, ListWriter, dead_letter_record

RECORDS = int(os.environ.get("NEXTCLICK_TEST_FUZZ_RECORDS", "5000"))
SEED = int(os.environ.get("NEXTCLICK_TEST_FUZZ_SEED", "2024"))
LISTS = ListWriter(topic="lists", item_ids=[ItemId("item-00")], model_id="m")
# Those that the bytes of one record can lead to; the mutated ones stay far below a mebibyte.
REASONS = set(RejectionReason) - {RejectionReason.MODEL_FAILURE, RejectionReason.RECORD_TOO_LARGE}


def require_click(click: ClickEvent) -> None:
    """Hold a click up against another parser, and against the limits; publish a list for it."""
    assert click.record.value is not None
    # Like ours, the last of two fields of one name counts.
    fields = json.loads(click.record.value)
    assert (click.user_id, click.item_id, click.timestamp_ms) == (
        fields["user_id"],
        fields["item_id"],
        fields["timestamp_ms"],
    )
    assert click.record.key == click.user_id.encode() != b""
    assert EARLIEST_TIMESTAMP_MS <= click.timestamp_ms <= MAY_2024_MS + DAY_MS
    assert click.consent is (fields.get("consent") is not False)
    for name in ("user_id", "item_id", "session_id", "event_id", "event_type"):
        assert len((getattr(click, name) or "").encode()) <= 512
    (written,) = LISTS.records(
        [click], np.zeros((1, 1), np.int64), np.zeros((1, 1), np.float32), [Strategy.PERSONAL], generated_at_ms=0
    )
    body = json.loads(written.value or b"")
    assert (written.key, body["user_id"], body["event_id"]) == (click.record.key, click.user_id, click.event_id)


def require_rejection(rejection: Rejection) -> None:
    """The reason is one of ours and can be written; the record is untouched."""
    letter = dead_letter_record(rejection, topic="dead", partitions=1)
    record = rejection.record
    assert (letter.key, letter.value, letter.headers[: len(record.headers)]) == (
        record.key,
        record.value,
        record.headers,
    )
    ours = dict(letter.headers[len(record.headers) :])
    assert RejectionReason((ours[HEADER_PREFIX + "reason"] or b"").decode()) is rejection.reason
    assert rejection.detail
    assert sum(len(name) + len(value or b"") for name, value in ours.items()) < 4_096


def test_every_mutated_record_is_a_click_or_a_rejection() -> None:
    """No exception, all accounted for; a fair share of both, and of nearly every reason, or the fuzzer is blunt."""
    decoder = make_decoder()
    counts: Counter[str] = Counter()
    for record in mutated_records(SEED, RECORDS):
        decoded = decoder.decode(record)
        assert decoded.record is record
        if isinstance(decoded, ClickEvent):
            require_click(decoded)
            counts["click"] += 1
        else:
            require_rejection(decoded)
            counts[decoded.reason] += 1
    assert counts.total() == RECORDS
    assert counts["click"] > RECORDS / 50, counts
    assert set(counts) == {"click", *REASONS}
