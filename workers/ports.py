"""What the pipeline needs from the outside: small Protocols; Faust and Kafka stand behind them, fakes in tests."""

from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from workers.events import OutgoingRecord


class StateRow(NamedTuple):
    """A user's state record and the partition that owns it."""

    partition: int
    user_key: bytes
    record: bytes


class StateStore(Protocol):
    """Where state records live between clicks."""

    def load(self, partition: int, user_key: bytes) -> bytes | None:
        """Return the user's record, or None for a user without state."""
        ...

    def install(self, rows: Iterable[StateRow], changelog_offsets: Mapping[int, int]) -> None:
        """Keep rows whose changelog records are acknowledged.

        Args:
            rows: The new records.
            changelog_offsets: Newest changelog offset that the rows stand for, by partition; kept with them as one.
        """
        ...


# Done once every record is acknowledged: the offset of the last one, by topic and partition. Raises BrokerError if any
# was not; which ones were is not known.
Acknowledgement = Awaitable[Mapping[tuple[str, int], int]]


class RecordWriter(Protocol):
    """Writes records to Kafka."""

    async def send(self, records: Sequence[OutgoingRecord]) -> Acknowledgement:
        """Send the records, in their order and behind everything that was sent before.

        Raises:
            BrokerError: If they cannot be sent.
        """
        ...


class Ownership(Protocol):
    """Whether this worker still owns what it is working on."""

    async def confirm(self, partitions: Collection[int]) -> None:
        """Return once the micro-batch's partitions are surely still this worker's.

        Raises:
            BatchAbandoned: If one was taken away since the batch was fetched.
        """
        ...


class BatchAbandoned(Exception):  # noqa: N818 - not an error: what a rebalance does to a batch in flight
    """The batch's partitions went to another worker, or this one stops: no more of it is written, it is redelivered."""
