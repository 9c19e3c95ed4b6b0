"""Stores of both kinds."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import faust
import pytest

from tests.workers.stores.changelogs import MakeStore
from workers.stores.base import StateRecordStore
from workers.stores.memory import MemoryStore
from workers.stores.rocksdb import RocksDBStore


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
