"""State records in RocksDB, one database a partition: more users than memory, and a restart restores only the rest.

A row is `u` + user key; the changelog offset that the rows stand for is `o`. Both go in one write batch, so that a
process that dies between two of them cannot leave one without the other.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import cast

from rocksdict import BlockBasedOptions, DBCompressionType, Options, Rdict, WriteBatch

from models.errors import SettingsError
from workers.ports import StateRow
from workers.stores.base import StateRecordStore

_ROW_PREFIX = b"u"
_OFFSET_KEY = b"o"
# One false alarm in a hundred.
_BLOOM_BITS = 10
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
        for partition in by_partition.keys() | changelog_offsets.keys():
            self._write(partition, by_partition[partition], changelog_offsets.get(partition))

    def newest_offset(self, partition: int) -> int | None:
        """Return the newest changelog offset that the rows stand for."""
        encoded = self._database(partition).get(_OFFSET_KEY)
        return None if encoded is None else int.from_bytes(encoded, "little")

    def stored(self, partition: int, user_keys: Collection[bytes]) -> Mapping[bytes, bytes]:
        """Return the records of those of the users who have one, read in one go."""
        keys = list(user_keys)
        found = cast(list[bytes | None], self._database(partition).get([_ROW_PREFIX + key for key in keys]))
        return {key: record for key, record in zip(keys, found, strict=True) if record is not None}

    def close_partition(self, partition: int) -> None:
        """Close the partition's database; its rows stay on disk, and so does the offset they stand for."""
        database = self._databases.pop(partition, None)
        if database is not None:
            database.close()

    def restore(self, partition: int, rows: Mapping[bytes, bytes | None], newest_offset: int) -> None:
        """Keep restored rows; None deletes a user's row."""
        self._write(partition, rows, newest_offset)

    async def on_stop(self) -> None:
        """Close every database."""
        for partition in list(self._databases):
            self.close_partition(partition)

    def _write(self, partition: int, rows: Mapping[bytes, bytes | None], newest_offset: int | None) -> None:
        """Write rows and offset as one; rows without one are written all the same, the restore reads them again."""
        batch = WriteBatch(raw_mode=True)
        for user_key, record in rows.items():
            if record is None:
                batch.delete(_ROW_PREFIX + user_key)
            else:
                batch.put(_ROW_PREFIX + user_key, record)
        if newest_offset is not None:
            batch.put(_OFFSET_KEY, newest_offset.to_bytes(8, "little"))
        self._database(partition).write(batch)

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
    options = _options()
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


def _options() -> Options:
    """Return what suits rows of random bytes, read and written by whole keys."""
    tables = BlockBasedOptions()
    # Most users of a restore are new to the store: the filter says so without a read.
    tables.set_bloom_filter(_BLOOM_BITS, block_based=False)
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_block_based_table_factory(tables)
    # Tensors are noise to a compressor: it takes its time and saves nothing.
    options.set_compression_type(DBCompressionType.none())
    return options
