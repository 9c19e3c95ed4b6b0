"""What every store of state records does: restore from the changelog, by partition, never backwards.

Faust finds a store by its URL (entry points `faust.stores`) and tells it when partitions move: `on_rebalance`. The
restore fills it, whole fetched batches at a time: `newest_offset`, `apply_changelog`. The pipeline uses it through the
`StateStore` Protocol: `load` and `install`. It is one object in all roles: what is restored is what is loaded.
"""

import abc
import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from faust.stores.base import Store
from faust.types import TP, EventT
from mode.utils.logging import get_logger

from models.errors import StateRecordError
from workers.ports import StateRow
from workers.user_state import checked_last_offset, is_ahead

logger = get_logger(__name__)


class ChangelogRecord(Protocol):
    """A record as a Kafka client reads it from the changelog."""

    @property
    def offset(self) -> int:
        """Its offset."""

    @property
    def key(self) -> bytes | None:
        """The user's key."""

    @property
    def value(self) -> bytes | None:
        """The user's state record; None is a tombstone."""


class StateRecordStore(Store[bytes, bytes]):
    """User state records by partition and user key.

    Attributes:
        set_aside: Partition and key of the rows whose records did not decode when they were restored.
        stale_records: Changelog records whose `last_offset` was below the one restored already; left out.
        newest_clicks: `last_offset` of each partition's newest state when it was restored; the click log must hold it.
    """

    def __post_init__(self) -> None:
        self.set_aside: set[tuple[int, bytes]] = set()
        self.stale_records = 0
        self.newest_clicks: dict[int, int] = {}

    # ---- the pipeline's side

    @abc.abstractmethod
    def load(self, partition: int, user_key: bytes) -> bytes | None:
        """Return the user's record, or None for a user without state."""

    @abc.abstractmethod
    def install(self, rows: Iterable[StateRow], changelog_offsets: Mapping[int, int]) -> None:
        """Keep rows whose changelog records are acknowledged, together with the offsets they stand for."""

    # ---- the restore's side

    @abc.abstractmethod
    def newest_offset(self, partition: int) -> int | None:
        """Return the newest changelog offset that the rows of a partition stand for; None for none."""

    @abc.abstractmethod
    def close_partition(self, partition: int) -> None:
        """Let go of a partition that went to another worker."""

    @abc.abstractmethod
    def restore(self, partition: int, rows: Mapping[bytes, bytes | None], newest_offset: int) -> None:
        """Keep restored rows; None deletes a user's row."""

    @abc.abstractmethod
    def stored(self, partition: int, user_keys: Collection[bytes]) -> Mapping[bytes, bytes]:
        """Return the records of those of the users who have one; others' may be among them."""

    def apply_changelog(self, partition: int, records: Sequence[ChangelogRecord]) -> None:
        """Apply a changelog partition's next records; one that does not decode is reported and counted.

        It becomes its user's row as it is: no older record is the user's state any more, and whoever loads it must see
        to its bytes before it overwrites them (`workers/unreadable_states.py`).

        Args:
            partition: The partition.
            records: In offset order, at least one.
        """
        stored = self.stored(partition, {record.key for record in records if record.key is not None})
        staged: dict[bytes, bytes | None] = {}
        unreadable: list[tuple[int, StateRecordError]] = []
        for record in records:
            key = record.key
            if key is None:
                logger.error("A record without a key in changelog partition %s is left out: who wrote it?", partition)
                continue
            try:
                # A tombstone is the end of a user's state, whatever its offset was.
                last_offset = None if record.value is None else checked_last_offset(record.value)
            except StateRecordError as error:
                unreadable.append((record.offset, error))
                self.set_aside.add((partition, key))
                staged[key] = record.value
                continue
            if self.set_aside:
                self.set_aside.discard((partition, key))
            known = staged[key] if key in staged else stored.get(key)
            if last_offset is not None and known is not None and is_ahead(known, last_offset):
                self.stale_records += 1
                continue
            staged[key] = record.value
        if unreadable:
            _report_set_aside(partition, unreadable)
        self.restore(partition, staged, records[-1].offset)

    def note_newest(self, partition: int, record: bytes | None) -> None:
        """Note the click that a partition's newest changelog record stands for, where it stands for one."""
        with contextlib.suppress(StateRecordError):
            if record is not None:
                self.newest_clicks[partition] = checked_last_offset(record)

    # ---- Faust's side

    def persisted_offset(self, tp: TP) -> int | None:
        """Return the newest changelog offset that the rows stand for, as Faust asks for it."""
        return self.newest_offset(tp.partition)

    def set_persisted_offset(self, tp: TP, offset: int) -> None:
        """Do nothing: offsets are kept by `install` and `restore`, together with the rows they stand for."""

    def apply_changelog_batch(
        self,
        batch: Iterable[EventT[bytes]],
        to_key: Callable[[object], bytes],
        to_value: Callable[[object], bytes],
    ) -> None:
        """Refuse: Faust's recovery would swallow what this raises; `workers.state_recovery` restores user states."""
        raise NotImplementedError("User states are restored in bulk, not by Faust's recovery.")

    async def on_rebalance(
        self,
        assigned: set[TP],  # noqa: ARG002 - Faust's signature
        revoked: set[TP],
        newly_assigned: set[TP],  # noqa: ARG002
        generation_id: int = 0,  # noqa: ARG002
    ) -> None:
        """Let go of the partitions whose changelog went to another worker."""
        changelog = self.table.changelog_topic.get_topic_name()
        for tp in revoked:
            if tp.topic == changelog:
                self.close_partition(tp.partition)
                self.newest_clicks.pop(tp.partition, None)
                self.set_aside = {row for row in self.set_aside if row[0] != tp.partition}

    def reset_state(self) -> None:
        """Do nothing: only `faust reset` calls this, and the changelog is the truth."""

    async def backup_partition(self, tp: TP | int, flush: bool = True, purge: bool = False, keep: int = 1) -> None:
        """Refuse: the changelog is the backup."""
        raise NotImplementedError("The changelog topic is the backup of user state.")

    def restore_backup(self, tp: TP | int, latest: bool = True, backup_id: int = 0) -> None:
        """Refuse: the changelog is the backup."""
        raise NotImplementedError("The changelog topic is the backup of user state.")


def _report_set_aside(partition: int, unreadable: Sequence[tuple[int, StateRecordError]]) -> None:
    """Say it once a call: after a rollback every record can be of a newer version."""
    offset, error = unreadable[0]
    logger.error(
        "Changelog partition %s: %s records are set aside, the first at offset %s: %s",
        partition,
        len(unreadable),
        offset,
        error,
    )
