"""State records in dictionaries, one a partition: the fastest store, restored whole at every start."""

from collections.abc import Collection, Iterable, Mapping

from workers.ports import StateRow
from workers.stores.base import StateRecordStore


class MemoryStore(StateRecordStore):
    """State records in memory; URL `nextclick-memory://user-state`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._rows: dict[int, dict[bytes, bytes]] = {}
        self._offsets: dict[int, int] = {}

    def load(self, partition: int, user_key: bytes) -> bytes | None:
        """Return the user's record, or None for a user without state."""
        return self._rows.get(partition, {}).get(user_key)

    def install(self, rows: Iterable[StateRow], changelog_offsets: Mapping[int, int]) -> None:
        """Keep rows whose changelog records are acknowledged."""
        kept = self._rows
        for partition, user_key, record in rows:
            if partition not in kept:
                kept[partition] = {}
            kept[partition][user_key] = record
        self._offsets.update(changelog_offsets)

    def newest_offset(self, partition: int) -> int | None:
        """Return the newest changelog offset that the rows stand for."""
        return self._offsets.get(partition)

    def stored(self, partition: int, user_keys: Collection[bytes]) -> Mapping[bytes, bytes]:  # noqa: ARG002 - all are there
        """Return the partition's records."""
        return self._rows.get(partition, {})

    def close_partition(self, partition: int) -> None:
        """Forget the partition's rows."""
        self._rows.pop(partition, None)
        self._offsets.pop(partition, None)

    def restore(self, partition: int, rows: Mapping[bytes, bytes | None], newest_offset: int) -> None:
        """Keep restored rows; None deletes a user's row."""
        kept = self._rows.setdefault(partition, {})
        for user_key, record in rows.items():
            if record is None:
                kept.pop(user_key, None)
            else:
                kept[user_key] = record
        self._offsets[partition] = newest_offset

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))
