"""What stands behind the pipeline's Protocols in tests, named after how it behaves."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

from models.errors import BrokerError
from workers.events import OutgoingRecord
from workers.ports import Acknowledgement, BatchAbandoned, RecordWriter, StateRow

Moment = Literal["publish", "save", "install"]
MOMENTS: tuple[Moment, ...] = ("publish", "save", "install")


def acknowledged(offsets: Mapping[tuple[str, int], int]) -> Acknowledgement:
    """An acknowledgement that has come already."""
    done: asyncio.Future[Mapping[tuple[str, int], int]] = asyncio.get_running_loop().create_future()
    done.set_result(offsets)
    return done


class RecordingWriter:
    """Acknowledges every record and keeps it, as a broker does."""

    def __init__(self) -> None:
        self.written: list[OutgoingRecord] = []
        self._next_offset: Counter[tuple[str, int]] = Counter()

    async def send(self, records: Sequence[OutgoingRecord]) -> Acknowledgement:
        """Keep the records; acknowledge them at once."""
        for record in records:
            self.keep(record)
        return acknowledged(
            {
                (record.topic, record.partition): self._next_offset[record.topic, record.partition] - 1
                for record in records
            }
        )

    def keep(self, record: OutgoingRecord) -> None:
        """Give one record its offset."""
        self.written.append(record)
        self._next_offset[record.topic, record.partition] += 1

    def of_topic(self, topic: str) -> list[OutgoingRecord]:
        """Return the records of one topic in the order in which they were written."""
        return [record for record in self.written if record.topic == topic]


class FailingWriter:
    """Lets `after` more records reach a broker, then fails: those before are durable, nobody knows which.

    Args:
        broker: Keeps what gets through.
        after: How many records still get through.
    """

    def __init__(self, broker: RecordingWriter, after: int) -> None:
        self._broker = broker
        self._left = after

    async def send(self, records: Sequence[OutgoingRecord]) -> Acknowledgement:
        """Write what still gets through.

        Raises:
            BrokerError: If any record does not.
        """
        if len(records) > self._left:
            for record in records[: self._left]:
                self._broker.keep(record)
            self._left = 0
            raise BrokerError(f"{len(records)} records were not acknowledged.")
        self._left -= len(records)
        return await self._broker.send(records)


class LateWriter:
    """Lets some of a topic's records through, the last ones of what is sent; the others come late.

    Args:
        broker: Keeps what gets through.
        topic: Whose records come late.
        through: How many of them still get through.
    """

    def __init__(self, broker: RecordingWriter, topic: str, through: int) -> None:
        self._broker = broker
        self._topic = topic
        self._through = through
        self._late: list[OutgoingRecord] = []

    async def send(self, records: Sequence[OutgoingRecord]) -> Acknowledgement:
        """Write what still gets through.

        Raises:
            BrokerError: If any record does not.
        """
        of_topic = [record for record in records if record.topic == self._topic]
        if len(of_topic) <= self._through:
            self._through -= len(of_topic)
            return await self._broker.send(records)
        self._late = of_topic[self._through :]
        await self._broker.send(records[: len(records) - len(self._late)])
        raise BrokerError(f"{len(self._late)} records were not acknowledged.")

    def deliver(self) -> None:
        """Let the broker have what was late."""
        for record in self._late:
            self._broker.keep(record)


class MemoryRows:
    """A store of nothing but rows."""

    def __init__(self, rows: Mapping[tuple[int, bytes], bytes] | None = None) -> None:
        self.rows = dict(rows or {})
        self.offsets: dict[int, int] = {}

    def load(self, partition: int, user_key: bytes) -> bytes | None:
        """Return a row."""
        return self.rows.get((partition, user_key))

    def install(self, rows: Iterable[StateRow], changelog_offsets: Mapping[int, int]) -> None:
        """Keep rows and offsets."""
        self.rows.update({(row.partition, row.user_key): row.record for row in rows})
        self.offsets.update(changelog_offsets)


class CrashingRows(MemoryRows):
    """Dies before it installs anything."""

    def install(self, rows: Iterable[StateRow], changelog_offsets: Mapping[int, int]) -> None:
        """Die.

        Raises:
            SystemError: Always.
        """
        raise SystemError(f"The process died before it installed {list(rows)} at {changelog_offsets}.")


class KeptOwnership:
    """Every partition stays."""

    async def confirm(self, partitions: Collection[int]) -> None:
        """Return."""


class RevokedOwnership:
    """A rebalance takes the partitions away just before one of the pipeline's moments.

    Args:
        at: Which.
    """

    def __init__(self, at: Moment) -> None:
        self._asked_before = list(MOMENTS)
        self._at = at

    async def confirm(self, partitions: Collection[int]) -> None:
        """Return before the moment.

        Raises:
            BatchAbandoned: At it.
        """
        if self._asked_before.pop(0) == self._at:
            raise BatchAbandoned(f"Partitions {sorted(partitions)} moved.")


class OwnershipLostAt:
    """A rebalance takes the partitions away just before somebody asks for the so-many-th time.

    Args:
        number: How often they were still there.
    """

    def __init__(self, number: int) -> None:
        self._left = number

    async def confirm(self, partitions: Collection[int]) -> None:
        """Return while they are there.

        Raises:
            BatchAbandoned: From then on.
        """
        self._left -= 1
        if self._left < 0:
            raise BatchAbandoned(f"Partitions {sorted(partitions)} moved.")


class Diary:
    """One list of what was asked of the writer, the ownership and the store, in order.

    Args:
        writer: Who writes.
        rows: Who keeps.
    """

    def __init__(self, writer: RecordWriter, rows: MemoryRows) -> None:
        self.entries: list[str] = []
        self._writer = writer
        self._rows = rows

    async def send(self, records: Sequence[OutgoingRecord]) -> Acknowledgement:
        """Note the topics and write."""
        self.entries.append("write " + " ".join(sorted({record.topic for record in records})))
        return await self._writer.send(records)

    async def confirm(self, partitions: Collection[int]) -> None:
        """Note the partitions."""
        self.entries.append(f"own {sorted(partitions)}")

    def load(self, partition: int, user_key: bytes) -> bytes | None:
        """Note the user."""
        self.entries.append(f"load {user_key.decode()}")
        return self._rows.load(partition, user_key)

    def install(self, rows: Iterable[StateRow], changelog_offsets: Mapping[int, int]) -> None:
        """Note the offsets."""
        self.entries.append(f"install {dict(changelog_offsets)}")
        self._rows.install(rows, changelog_offsets)
