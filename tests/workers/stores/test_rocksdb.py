"""What RocksDB alone can do, or refuse."""

import asyncio
from pathlib import Path

import pytest
from yarl import URL

from models.errors import SettingsError
from tests.workers.stores.changelogs import MakeStore, record_at, restore
from workers.ports import StateRow
from workers.stores import rocksdb


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
