"""Poison: each record is set aside for the reason that it is named after."""

import time

import pytest

from nextclick.page.poison import POISONS
from workers.decoding import ClickDecoder
from workers.events import ClickRecord, Rejection, RejectionReason

DAY_MS = 86_400_000


@pytest.mark.parametrize("reason", list(POISONS))
def test_a_poison_is_rejected_for_its_reason(reason: RejectionReason) -> None:
    """A worker's own decoder rejects the record, under the visitor's key, for exactly this reason."""
    decoder = ClickDecoder(
        field_map={}, max_id_bytes=512, max_future_ms=DAY_MS, check_key=True, now_ms=lambda: time.time_ns() // 1_000_000
    )
    rejected = decoder.decode(ClickRecord("clicks", 0, 0, 0, b"you-1", POISONS[reason]("you-1")))
    assert isinstance(rejected, Rejection)
    assert rejected.reason is reason
