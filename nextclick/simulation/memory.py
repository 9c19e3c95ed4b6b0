"""What stands behind the pipeline's Protocols where there is no broker."""

from collections.abc import Iterable, Mapping, Sequence

from workers.events import OutgoingRecord
from workers.ports import Acknowledgement, StateRow


class MemoryStates:
    """State records of every user, in memory."""

    def __init__(self) -> None:
        self._records: dict[tuple[int, bytes], bytes] = {}

    def __len__(self) -> int:
        return len(self._records)

    def load(self, partition: int, user_key: bytes) -> bytes | None:
        """Return the user's record, or None for a user without state."""
        return self._records.get((partition, user_key))

    def install(self, rows: Iterable[StateRow], changelog_offsets: Mapping[int, int]) -> None:  # noqa: ARG002
        """Keep rows; there is no changelog."""
        for partition, user_key, record in rows:
            self._records[partition, user_key] = record


class NoBroker:
    """Nobody to write to: a simulation takes what is computed from the pipeline itself."""

    async def send(self, records: Sequence[OutgoingRecord]) -> Acknowledgement:
        """Refuse.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError(f"A simulation writes nothing, and {len(records)} records were to be written.")
