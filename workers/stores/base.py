"""What every store of state records does: restore from the changelog, by partition, never backwards.

Faust finds a store by its URL (entry points `faust.stores`) and drives it: `persisted_offset` when a partition arrives,
`apply_changelog_batch` while it is restored, `on_rebalance` when partitions move. The pipeline uses it through the
`StateStore` Protocol: `load` and `install`. It is one object in both roles, so that what is restored is what is loaded.
"""

import abc
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from faust.stores.base import Store
from faust.types import TP, EventT
from mode.utils.logging import get_logger

from models.errors import StateRecordError
from workers.ports import StateRow
from workers.user_state import decode_state, last_offset_of

logger = get_logger(__name__)


class StateRecordStore(Store[bytes, bytes]):
    """User state records by partition and user key.

    Attributes:
        set_aside: Changelog records that did not decode, by partition and key, newest; the user is without state.
        stale_records: Changelog records whose `last_offset` was below the one restored already; left out.
    """

    def __post_init__(self) -> None:
        self.set_aside: dict[tuple[int, bytes], bytes] = {}
        self.stale_records = 0

    # ---- the pipeline's side

    @abc.abstractmethod
    def load(self, partition: int, user_key: bytes) -> bytes | None:
        """Return the user's record, or None for a user without state."""

    @abc.abstractmethod
    def install(self, rows: Iterable[StateRow], changelog_offsets: Mapping[int, int]) -> None:
        """Keep rows whose changelog records are acknowledged, together with the offsets they stand for."""

    # ---- Faust's side

    @abc.abstractmethod
    def newest_offset(self, partition: int) -> int | None:
        """Return the newest changelog offset that the rows of a partition stand for; None for none."""

    @abc.abstractmethod
    def close_partition(self, partition: int) -> None:
        """Let go of a partition that went to another worker."""

    @abc.abstractmethod
    def restore(self, partition: int, rows: Mapping[bytes, bytes | None], newest_offset: int) -> None:
        """Keep restored rows; None deletes a user's row."""

    def persisted_offset(self, tp: TP) -> int | None:
        """Return where the changelog's restore goes on, or None to read all of it."""
        return self.newest_offset(tp.partition)

    def set_persisted_offset(self, tp: TP, offset: int) -> None:
        """Do nothing: offsets are kept by `install` and `restore`, together with the rows they stand for."""

    def apply_changelog_batch(
        self,
        batch: Iterable[EventT[bytes]],
        to_key: Callable[[object], bytes],  # noqa: ARG002 - Faust's signature; keys and values are bytes here
        to_value: Callable[[object], bytes],  # noqa: ARG002
    ) -> None:
        """Apply changelog records in bulk; one that does not decode is set aside, reported and counted.

        Never raises for a record: Faust would swallow the exception and lose the whole batch.
        """
        rows: dict[int, dict[bytes, bytes | None]] = defaultdict(dict)
        newest: dict[int, int] = {}
        for event in batch:
            message = event.message
            self._stage(message.partition, message.key, message.value, rows[message.partition])
            newest[message.partition] = message.offset
        for partition, offset in newest.items():
            self.restore(partition, rows[partition], offset)

    def _stage(self, partition: int, key: bytes | None, value: bytes | None, staged: dict[bytes, bytes | None]) -> None:
        if key is None:
            logger.error("A record without a key in changelog partition %s is left out: who wrote it?", partition)
            return
        self.set_aside.pop((partition, key), None)
        if value is None:
            staged[key] = None
            return
        try:
            last_offset = decode_state(value).last_offset
        except StateRecordError as error:
            self.set_aside[partition, key] = value
            # Older than the damaged record and so not the user's state either.
            staged[key] = None
            logger.error(  # noqa: TRY400 - the reason says it all, a stack trace a record would drown it
                "A state record of changelog partition %s is set aside: %s", partition, error
            )
            return
        known = staged[key] if key in staged else self.load(partition, key)
        if known is not None and last_offset_of(known) > last_offset:
            self.stale_records += 1
            return
        staged[key] = value

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
                self.set_aside = {key: record for key, record in self.set_aside.items() if key[0] != tp.partition}

    def reset_state(self) -> None:
        """Do nothing: only `faust reset` calls this, and the changelog is the truth."""

    async def backup_partition(self, tp: TP | int, flush: bool = True, purge: bool = False, keep: int = 1) -> None:
        """Refuse: the changelog is the backup."""
        raise NotImplementedError("The changelog topic is the backup of user state.")

    def restore_backup(self, tp: TP | int, latest: bool = True, backup_id: int = 0) -> None:
        """Refuse: the changelog is the backup."""
        raise NotImplementedError("The changelog topic is the backup of user state.")
