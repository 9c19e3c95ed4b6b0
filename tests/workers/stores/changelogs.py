"""Changelog records, and stores that are restored from them."""

from collections.abc import Callable
from typing import NamedTuple

from tests.workers.states import make_state
from workers.stores.base import StateRecordStore
from workers.user_state import encode_state

CHANGELOG = "shop-user-state-changelog"
MakeStore = Callable[[], StateRecordStore]


def record_at(offset: int) -> bytes:
    """A user's state record after the click at this offset."""
    return encode_state(make_state(offset))


class Record(NamedTuple):
    """A record as it is read from the changelog."""

    offset: int
    key: bytes | None
    value: bytes | None


def restore(
    store: StateRecordStore, *records: tuple[bytes | None, bytes | None], partition: int = 0, start: int = 0
) -> None:
    """Restore a changelog partition from these keys and values, one offset after the other."""
    store.apply_changelog(partition, [Record(start + number, *record) for number, record in enumerate(records)])
