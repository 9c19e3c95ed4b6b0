"""One contract for every store of state records."""

import asyncio
from unittest.mock import patch

import faust
import pytest
from faust.types import TP

from tests.workers.stores.changelogs import CHANGELOG, record_at, restore
from workers.ports import StateRow
from workers.stores.base import StateRecordStore
from workers.stores.memory import MemoryStore


def test_a_new_store_is_empty(store: StateRecordStore) -> None:
    """No rows, and the changelog is read from its beginning."""
    assert store.load(0, b"ann") is None
    assert store.newest_offset(0) is None
    assert store.persisted_offset(TP(CHANGELOG, 0)) is None


def test_installed_rows_are_loaded_by_partition_and_key(store: StateRecordStore) -> None:
    """The same key in two partitions is two users; keys are bytes, prefixes of each other and empty ones too."""
    rows = [
        StateRow(0, b"ann", b"1"),
        StateRow(1, b"ann", b"2"),
        StateRow(0, b"an", b"3"),
        StateRow(0, b"", b"4"),
        StateRow(0, b"\x00\xff", b"5"),
        StateRow(0, b"o", b"6"),
    ]
    store.install(rows, {0: 17, 1: 3})
    assert [store.load(row.partition, row.user_key) for row in rows] == [row.record for row in rows]
    assert store.load(1, b"an") is None
    assert (store.newest_offset(0), store.newest_offset(1), store.newest_offset(2)) == (17, 3, None)
    assert store.persisted_offset(TP(CHANGELOG, 0)) == 17


def test_an_installed_row_replaces_the_users_older_one(store: StateRecordStore) -> None:
    """And nobody else's."""
    store.install([StateRow(0, b"ann", b"1"), StateRow(0, b"bob", b"1")], {0: 1})
    store.install([StateRow(0, b"ann", b"2")], {0: 2})
    assert (store.load(0, b"ann"), store.load(0, b"bob"), store.newest_offset(0)) == (b"2", b"1", 2)


def test_a_batch_without_rows_installs_nothing(store: StateRecordStore) -> None:
    """Rejected and redelivered clicks leave the store as it is."""
    store.install([StateRow(0, b"ann", b"1")], {0: 1})
    store.install([], {})
    assert (store.load(0, b"ann"), store.newest_offset(0)) == (b"1", 1)


def test_partitions_do_not_mix(store: StateRecordStore) -> None:
    """The same key in two partitions is two users, restored side by side."""
    restore(store, (b"ann", record_at(1)), start=10)
    restore(store, (b"ann", record_at(2)), partition=1, start=90)
    restore(store, (b"bob", record_at(3)), start=11)
    assert (store.load(0, b"ann"), store.load(1, b"ann")) == (record_at(1), record_at(2))
    assert (store.newest_offset(0), store.newest_offset(1)) == (11, 90)


def test_rows_without_an_offset_are_kept_all_the_same(store: StateRecordStore) -> None:
    """The restore reads their changelog records again, which changes nothing."""
    store.install([StateRow(0, b"ann", b"1"), StateRow(1, b"bob", b"2")], {0: 4})
    assert (store.load(0, b"ann"), store.load(1, b"bob")) == (b"1", b"2")
    assert (store.newest_offset(0), store.newest_offset(1)) == (4, None)


def test_faust_cannot_restore_a_store_by_itself(store: StateRecordStore) -> None:
    """Its recovery swallows what a store raises."""
    with pytest.raises(NotImplementedError, match="in bulk"):
        store.apply_changelog_batch([], bytes, bytes)  # type: ignore[arg-type]


def test_only_the_changelogs_partitions_are_let_go(store: StateRecordStore) -> None:
    """A rebalance names partitions of all topics."""
    store.install([StateRow(0, b"ann", b"1"), StateRow(1, b"bob", b"1")], {0: 4, 1: 5})
    with patch.object(store, "close_partition", wraps=store.close_partition) as close_partition:
        asyncio.run(store.on_rebalance(set(), {TP("clicks", 0), TP(CHANGELOG, 1), TP("other", 1)}, set()))
    close_partition.assert_called_once_with(1)
    assert store.load(0, b"ann") == b"1"


def test_a_closed_partition_has_rows_and_offset_or_neither(store: StateRecordStore) -> None:
    """Rows without their offset are restored whole; an offset without its rows would lose users."""
    store.install([StateRow(0, b"ann", b"1"), StateRow(1, b"bob", b"1")], {0: 4, 1: 5})
    store.close_partition(0)
    store.close_partition(0)
    store.close_partition(7)
    assert (store.load(0, b"ann"), store.newest_offset(0)) in {(b"1", 4), (None, None)}
    assert (store.load(1, b"bob"), store.newest_offset(1)) == (b"1", 5)


def test_the_changelog_is_the_backup(store: StateRecordStore) -> None:
    """Faust's own commands for tables neither clear nor copy states."""
    store.install([StateRow(0, b"ann", b"1")], {0: 4})
    store.reset_state()
    assert store.load(0, b"ann") == b"1"
    with pytest.raises(NotImplementedError, match="backup"):
        asyncio.run(store.backup_partition(0))
    with pytest.raises(NotImplementedError, match="backup"):
        store.restore_backup(0)


# ---- what the kinds do differently


def test_memory_forgets_a_partition_and_its_offset() -> None:
    """When it comes back, its changelog is read whole."""
    app = faust.App("shop", broker="kafka://127.0.0.1:1")
    table = app.Table("user-state", key_type=bytes, value_type=bytes)
    store = MemoryStore("nextclick-memory://", app, table)
    store.install([StateRow(0, b"ann", b"1"), StateRow(1, b"ann", b"1")], {0: 4, 1: 1})
    assert len(store) == 2
    store.close_partition(0)
    assert len(store) == 1
    assert (store.load(0, b"ann"), store.newest_offset(0)) == (None, None)
