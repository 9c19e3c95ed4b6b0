"""What a changelog leaves in a store, of either kind."""

import logging

import pytest
from faust.types import TP

from tests.workers.states import make_state
from tests.workers.stores.changelogs import CHANGELOG, record_at, restore
from workers.ports import StateRow
from workers.stores.base import StateRecordStore
from workers.user_state import encode_state


def test_the_changelog_restores_each_users_newest_record(store: StateRecordStore) -> None:
    """Read in batches, as Faust reads it; the offset goes with the rows."""
    restore(store, (b"ann", record_at(1)), (b"bob", record_at(2)), (b"ann", record_at(5)))
    assert store.newest_offset(0) == 2
    restore(store, (b"bob", record_at(7)), start=3)
    assert (store.load(0, b"ann"), store.load(0, b"bob")) == (record_at(5), record_at(7))
    assert store.newest_offset(0) == 3


@pytest.mark.parametrize("together", [True, False])
def test_restoring_never_lowers_a_last_offset(store: StateRecordStore, together: bool) -> None:
    """A worker that does not know that it lost its partition may have written an older state behind the newer one."""
    newer, older = (b"ann", record_at(8)), (b"ann", record_at(3))
    if together:
        restore(store, newer, older)
    else:
        restore(store, newer)
        restore(store, older, start=1)
    assert store.load(0, b"ann") == record_at(8)
    assert store.stale_records == 1
    assert store.newest_offset(0) == 1


def test_an_equal_last_offset_is_not_stale(store: StateRecordStore) -> None:
    """A redelivered batch writes the same state again; the newest record counts."""
    first = record_at(8)
    second = encode_state(make_state(8, clicks=9))
    restore(store, (b"ann", first), (b"ann", second))
    assert store.load(0, b"ann") == second
    assert store.stale_records == 0


@pytest.mark.parametrize("together", [True, False])
def test_a_tombstone_deletes_its_user(store: StateRecordStore, together: bool) -> None:
    """Forgotten is forgotten, until the user clicks again."""
    if together:
        restore(store, (b"ann", record_at(8)), (b"bob", record_at(8)), (b"ann", None))
    else:
        restore(store, (b"ann", record_at(8)), (b"bob", record_at(8)))
        restore(store, (b"ann", None), start=2)
    assert store.load(0, b"ann") is None
    assert store.load(0, b"bob") == record_at(8)
    restore(store, (b"ann", record_at(1)), start=3)
    assert store.load(0, b"ann") == record_at(1)
    restore(store, (b"nobody", None), start=4)
    assert store.newest_offset(0) == 4


@pytest.mark.parametrize("damaged", [b"", b"x", b"\x02" + record_at(9)[1:], record_at(9)[:-1]])
def test_a_damaged_record_is_set_aside(
    store: StateRecordStore, damaged: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Its bytes are kept as they are and reported, and the rest of the batch is restored."""
    with caplog.at_level(logging.ERROR):
        restore(store, (b"ann", record_at(1)), (b"ann", damaged), (b"bob", record_at(2)))
    assert store.set_aside == {(0, b"ann")}
    assert "partition 0: 1 records are set aside, the first at offset 1: A state record" in caplog.text
    assert store.load(0, b"ann") == damaged
    assert store.load(0, b"bob") == record_at(2)
    assert store.newest_offset(0) == 2


@pytest.mark.parametrize("damaged", [b"", b"x", b"\x02" + record_at(9)[1:], record_at(9)[:-1]])
@pytest.mark.parametrize("together", [True, False])
def test_a_good_record_behind_a_damaged_one_is_restored(
    store: StateRecordStore, damaged: bytes, together: bool
) -> None:
    """The newest record is the user's state, whatever offset the damaged one seems to name."""
    if together:
        restore(store, (b"ann", damaged), (b"ann", record_at(4)))
    else:
        restore(store, (b"ann", damaged))
        restore(store, (b"ann", record_at(4)), start=1)
    assert store.load(0, b"ann") == record_at(4)
    assert store.set_aside == set()
    assert store.stale_records == 0


def test_records_that_are_set_aside_are_reported_together(
    store: StateRecordStore, caplog: pytest.LogCaptureFixture
) -> None:
    """After a rollback each record can be of a newer version: a line each would bury everything else."""
    newer = b"\x02" + record_at(9)[1:]
    with caplog.at_level(logging.ERROR):
        restore(store, *((b"user-%d" % number, newer) for number in range(100)))
    assert len(store.set_aside) == 100
    (line,) = caplog.messages
    assert "100 records are set aside, the first at offset 0: A state record has codec version 2" in line


def test_a_record_without_a_key_is_left_out(store: StateRecordStore) -> None:
    """Nobody's state; the rest of the batch is restored."""
    restore(store, (None, record_at(1)), (b"bob", record_at(2)), (None, None))
    assert store.load(0, b"bob") == record_at(2)
    assert store.newest_offset(0) == 2


def test_an_offset_is_not_kept_without_its_rows(store: StateRecordStore) -> None:
    """Faust's own idea of the offset may run ahead of what was restored."""
    store.set_persisted_offset(TP(CHANGELOG, 0), 99)
    assert store.newest_offset(0) is None


def test_what_was_installed_is_not_lowered_by_a_restore(store: StateRecordStore) -> None:
    """A partition that comes back is restored from its offset on, which may read a record again."""
    store.install([StateRow(0, b"ann", record_at(8))], {0: 5})
    restore(store, (b"ann", record_at(7)), (b"ann", record_at(8)), start=4)
    assert store.load(0, b"ann") == record_at(8)
