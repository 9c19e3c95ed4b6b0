"""One contract for every store of state records."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import faust
import pytest
from faust.types import TP
from yarl import URL

from models.errors import SettingsError
from tests.workers.states import make_state
from workers.ports import StateRow
from workers.stores import rocksdb
from workers.stores.base import StateRecordStore
from workers.stores.memory import MemoryStore
from workers.stores.rocksdb import RocksDBStore
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


@pytest.fixture(params=["memory", "rocksdb"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeStore]:
    """Makes stores of one kind over one folder, behind a Faust app that is never started."""
    app = faust.App("shop", broker="kafka://127.0.0.1:1")
    table = app.Table("user-state", key_type=bytes, value_type=bytes)
    made: list[StateRecordStore] = []

    def make() -> StateRecordStore:
        made.append(
            MemoryStore("nextclick-memory://", app, table)
            if request.param == "memory"
            else RocksDBStore(f"nextclick-rocksdb://{tmp_path}/user states", app, table)
        )
        return made[-1]

    yield make
    for store in made:
        asyncio.run(store.on_stop())


@pytest.fixture
def store(make_store: MakeStore) -> StateRecordStore:
    """A new store."""
    return make_store()


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


def test_the_changelog_restores_each_users_newest_record(store: StateRecordStore) -> None:
    """Read in batches, as Faust reads it; the offset goes with the rows."""
    restore(store, (b"ann", record_at(1)), (b"bob", record_at(2)), (b"ann", record_at(5)))
    assert store.newest_offset(0) == 2
    restore(store, (b"bob", record_at(7)), start=3)
    assert (store.load(0, b"ann"), store.load(0, b"bob")) == (record_at(5), record_at(7))
    assert store.newest_offset(0) == 3


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


@pytest.mark.parametrize("make_store", ["rocksdb"], indirect=True)
def test_rocksdb_survives_a_restart_with_rows_and_offset(make_store: MakeStore) -> None:
    """The restore goes on where the rows end."""
    store = make_store()
    store.install([StateRow(0, b"ann", record_at(1))], {0: 4})
    restore(store, (b"bob", record_at(2)), (b"cat", record_at(2)), (b"cat", None), start=5)
    asyncio.run(store.on_stop())
    again = make_store()
    assert again.newest_offset(0) == 7
    assert [again.load(0, key) for key in (b"ann", b"bob", b"cat")] == [record_at(1), record_at(2), None]


@pytest.mark.parametrize("make_store", ["rocksdb"], indirect=True)
def test_rocksdb_moves_a_partition_to_another_worker_of_the_machine(make_store: MakeStore) -> None:
    """Closed by one, it can be opened by the other, rows and offset in it."""
    one, other = make_store(), make_store()
    one.install([StateRow(0, b"ann", b"1")], {0: 4})
    one.close_partition(0)
    assert (other.load(0, b"ann"), other.newest_offset(0)) == (b"1", 4)


@pytest.mark.parametrize("make_store", ["rocksdb"], indirect=True)
def test_rocksdb_refuses_a_folder_that_another_worker_uses(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while, with the folder and the likely cause."""
    monkeypatch.setattr(rocksdb, "_OPEN_TIMEOUT_S", 0.0)
    one, other = make_store(), make_store()
    one.install([StateRow(0, b"ann", b"1")], {0: 4})
    with pytest.raises(SettingsError, match=r"partition-0 cannot be opened .*does another worker use"):
        other.load(0, b"ann")


@pytest.mark.parametrize("make_store", ["rocksdb"], indirect=True)
def test_rocksdb_refuses_a_folder_that_cannot_be_made(make_store: MakeStore, tmp_path: Path) -> None:
    """At once, with the setting that names another one."""
    store = make_store()
    file = tmp_path / "file"
    file.touch()
    store.url = URL(f"nextclick-rocksdb://{file}/state")
    with pytest.raises(SettingsError, match=r"file/state .*cannot be made \(Not a directory\).*NEXTCLICK_STATE_FOLDER"):
        store.load(0, b"ann")
