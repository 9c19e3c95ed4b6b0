"""State records in RocksDB, one database a partition: more users than memory, and a restart restores only the rest.

A row is `u` + user key; the changelog offset that the rows stand for is `o`. Both go in one write batch, so that a
process that dies between two of them cannot leave one without the other.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from rocksdict import Options, Rdict, WriteBatch

from models.errors import SettingsError
from workers.ports import StateRow
from workers.stores.base import StateRecordStore

_ROW_PREFIX = b"u"
_OFFSET_KEY = b"o"
# A partition that moves between two workers on one machine is closed by one a moment before the other may open it.
_OPEN_TIMEOUT_S = 10.0


class RocksDBStore(StateRecordStore):
    """State records on disk; URL `nextclick-rocksdb:///folder`, a database a partition below it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._databases: dict[int, Rdict] = {}

    def load(self, partition: int, user_key: bytes) -> bytes | None:
        """Return the user's record, or None for a user without state."""
        record: bytes | None = self._database(partition).get(_ROW_PREFIX + user_key)
        return record

    def install(self, rows: Iterable[StateRow], changelog_offsets: Mapping[int, int]) -> None:
        """Keep rows whose changelog records are acknowledged, with the offsets they stand for."""
        by_partition: dict[int, dict[bytes, bytes | None]] = defaultdict(dict)
        for partition, user_key, record in rows:
            by_partition[partition][user_key] = record
        for partition, offset in changelog_offsets.items():
            self.restore(partition, by_partition[partition], offset)

    def newest_offset(self, partition: int) -> int | None:
        """Return the newest changelog offset that the rows stand for."""
        encoded = self._database(partition).get(_OFFSET_KEY)
        return None if encoded is None else int.from_bytes(encoded, "little")

    def close_partition(self, partition: int) -> None:
        """Close the partition's database; its rows stay on disk, and so does the offset they stand for."""
        database = self._databases.pop(partition, None)
        if database is not None:
            database.close()

    def restore(self, partition: int, rows: Mapping[bytes, bytes | None], newest_offset: int) -> None:
        """Keep restored rows; None deletes a user's row."""
        batch = WriteBatch(raw_mode=True)
        for user_key, record in rows.items():
            if record is None:
                batch.delete(_ROW_PREFIX + user_key)
            else:
                batch.put(_ROW_PREFIX + user_key, record)
        batch.put(_OFFSET_KEY, newest_offset.to_bytes(8, "little"))
        self._database(partition).write(batch)

    async def on_stop(self) -> None:
        """Close every database."""
        for partition in list(self._databases):
            self.close_partition(partition)

    def _database(self, partition: int) -> Rdict:
        database = self._databases.get(partition)
        if database is None:
            folder = Path(self.url.path)
            database = self._databases[partition] = _open(folder / f"partition-{partition}")
        return database


def _open(path: Path) -> Rdict:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"The folder {path.parent} of the state databases cannot be made ({error.strerror}): "
            "name another state folder with NEXTCLICK_STATE_FOLDER."
        ) from error
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    deadline = time.monotonic() + _OPEN_TIMEOUT_S
    while True:
        try:
            return Rdict(str(path), options)
        except Exception as error:
            if time.monotonic() > deadline:
                raise SettingsError(
                    f"The state database {path} cannot be opened ({error}): does another worker use this state folder?"
                ) from error
            time.sleep(0.1)
