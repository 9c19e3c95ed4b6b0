"""What became of every click, from the topics alone: nothing here asks a worker.

Of each record of the click topic there is to be one outcome, a list or a dead letter; and each user's state is to count
exactly the clicks that have a list.

    waiting        records without an outcome yet
    lost           records without an outcome although a later one of their partition had its own some seconds ago
    again          lists published once more for the same record, byte for byte the same (delivery is at least once)
    changed        lists published once more that are other bytes: never
    applied twice  by how many clicks states count more than have lists; `applied_less` the other way round

A state that is being written is not judged: it is compared once it stands for its user's newest list.
"""

from array import array
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from threading import Lock

import msgspec

from nextclick.dead_letters import DeadLetter, Place, parse_dead_letter
from nextclick.published_lists import PublishedList, decode_list
from nextclick.topic_reading import ConsumerRecord
from workers.user_state import decode_state

# Enough for ten seconds of the fastest replay.
MOST_LATENCIES = 50_000


class Balance(msgspec.Struct, frozen=True):
    """The account at one moment; see the module's docstring.

    Attributes:
        records: Records of the click topic, as far as they or their outcomes are read.
        listed: Those that have a list.
        dead_letters: Those that were set aside.
        states: States that were compared with their user's lists.
    """

    records: int
    listed: int
    dead_letters: int
    waiting: int
    lost: int
    again: int
    changed: int
    states: int
    applied_twice: int
    applied_less: int


@dataclass
class _Partition:
    """One partition of the click topic, from the offset on at which the account begins.

    Attributes:
        base: That offset.
        written_ms: When each record was written, 0 where it is not read yet.
        digest: Of each record's list, 0 where there is none yet.
        set_aside: Records that have a dead letter.
        decided_to: Every record before this place has its outcome.
        newest_outcome: Behind the last place that has one; `marks` remembers it for some seconds.
        early_s: When lists had been read whose records are not read yet.
        list_read_s: When the newest list had been read.
    """

    base: int
    written_ms: "array[int]" = field(default_factory=lambda: array("q"))
    digest: "array[int]" = field(default_factory=lambda: array("Q"))
    set_aside: set[int] = field(default_factory=set)
    records: int = 0
    listed: int = 0
    decided_to: int = 0
    newest_outcome: int = 0
    marks: deque[int] = field(default_factory=lambda: deque([0, 0, 0], maxlen=3))
    early_s: dict[int, float] = field(default_factory=dict)
    list_read_s: float = 0.0

    def place(self, offset: int) -> int | None:
        """Return where the arrays hold an offset; None for one from before the account."""
        place = offset - self.base
        if place < 0:
            return None
        missing = place + 1 - len(self.digest)
        if missing > 0:
            nothing = bytes(8 * missing)
            self.written_ms.frombytes(nothing)
            self.digest.frombytes(nothing)
        return place

    def has_outcome(self, place: int) -> bool:
        """Return whether the record at a place has a list or a dead letter."""
        return bool(self.digest[place]) or place in self.set_aside

    def decide(self) -> None:
        """Move `decided_to` as far as it goes."""
        while self.decided_to < len(self.digest) and self.has_outcome(self.decided_to):
            self.decided_to += 1

    def lost(self) -> int:
        """Count the records that were passed over some seconds ago."""
        return sum(not self.has_outcome(place) for place in range(self.decided_to, self.marks[0]))


@dataclass
class _User:
    listed: int = 0
    last_offset: int = -1
    state_clicks: int = 0
    state_offset: int = -1


class ClickAccount:
    """Told of the records of four topics by the threads that read them.

    Args:
        starts: The first offset of the click topic that counts, by partition.
    """

    def __init__(self, starts: Mapping[int, int]) -> None:
        self._partitions = {partition: _Partition(base) for partition, base in starts.items()}
        self._users: dict[bytes, _User] = {}
        self._again = self._changed = 0
        self._latencies: deque[tuple[float, int]] = deque(maxlen=MOST_LATENCIES)
        self._lock = Lock()

    def take_clicks(self, records: Iterable[ConsumerRecord], _read_s: float) -> None:
        """Note records of the click topic."""
        with self._lock:
            for record in records:
                partition = self._partitions[record.partition]
                place = partition.place(record.offset)
                if place is not None and not partition.written_ms[place]:
                    partition.records += 1
                    partition.written_ms[place] = record.timestamp
                    early_s = partition.early_s.pop(place, None)
                    if early_s is not None:
                        self._note_latency(early_s, record.timestamp)

    def take_lists(self, records: Iterable[ConsumerRecord], read_s: float) -> list[tuple[PublishedList, bool]]:
        """Note lists; return each, and whether it is the first of its click.

        Raises:
            TopicError: If a record is no list.
        """
        # Decoded before the lock is taken: it is what takes longest.
        lists = [(record, decode_list(record)) for record in records]
        with self._lock:
            return [(published, self._take_list(record, published, read_s)) for record, published in lists]

    def take_letters(self, records: Iterable[ConsumerRecord], _read_s: float) -> list[DeadLetter]:
        """Note dead letters; return those that are the first of their record.

        A worker that is killed before it commits writes its dead letters again.
        """
        letters = [letter for letter in map(parse_dead_letter, records) if letter is not None]
        with self._lock:
            return [letter for letter in letters if self._take_letter(letter.source)]

    def take_states(self, records: Iterable[ConsumerRecord], _read_s: float) -> None:
        """Note state records; only for an account that begins with every user's first click.

        Raises:
            StateRecordError: If one does not decode.
        """
        states = [(record.key, decode_state(record.value)) for record in records if record.value is not None]
        with self._lock:
            for key, state in states:
                user = self._users.setdefault(key, _User())
                user.state_clicks, user.state_offset = state.clicks, state.last_offset

    def tick(self) -> None:
        """Remember how far the outcomes have come; called once a second."""
        with self._lock:
            for partition in self._partitions.values():
                partition.decide()
                partition.marks.append(partition.newest_outcome)

    def balance(self) -> Balance:
        """Return the account as it stands."""
        with self._lock:
            partitions = self._partitions.values()
            for partition in partitions:
                partition.decide()
            settled = [user for user in self._users.values() if user.listed and user.state_offset == user.last_offset]
            surplus = [user.state_clicks - user.listed for user in settled]
            listed = sum(one.listed for one in partitions)
            set_aside = sum(len(one.set_aside) for one in partitions)
            # A list can be read before its click is: that click is in the topic all the same.
            records = max(sum(one.records for one in partitions), listed + set_aside)
            return Balance(
                records=records,
                listed=listed,
                dead_letters=set_aside,
                waiting=records - listed - set_aside,
                lost=sum(one.lost() for one in partitions),
                again=self._again,
                changed=self._changed,
                states=len(surplus),
                applied_twice=sum(max(0, clicks) for clicks in surplus),
                applied_less=sum(max(0, -clicks) for clicks in surplus),
            )

    def latencies_ms(self, since_s: float) -> list[int]:
        """Return how long after their clicks' timestamps lists were read, of those read since a moment."""
        with self._lock:
            return [latency_ms for read_s, latency_ms in self._latencies if read_s >= since_s]

    def ends(self) -> dict[int, int]:
        """Return the offset behind the newest click that was read, by partition."""
        with self._lock:
            return {number: one.base + len(one.digest) for number, one in self._partitions.items()}

    def is_decided_to(self, ends: Mapping[int, int]) -> bool:
        """Return whether every click before these offsets has its outcome."""
        with self._lock:
            for partition in self._partitions.values():
                partition.decide()
            return all(one.base + one.decided_to >= ends.get(number, 0) for number, one in self._partitions.items())

    def list_read_s(self, partitions: Sequence[int]) -> float:
        """Return when the newest list of these partitions had been read; 0 where there is none."""
        with self._lock:
            return max((self._partitions[number].list_read_s for number in partitions), default=0.0)

    def _take_list(self, record: ConsumerRecord, published: PublishedList, read_s: float) -> bool:
        partition = self._partitions[published.source.partition]
        place = partition.place(published.source.offset)
        if place is None:
            return False
        digest = int.from_bytes(blake2b(record.value, digest_size=8).digest(), "little") or 1
        if partition.digest[place]:
            same = partition.digest[place] == digest
            self._again += same
            self._changed += not same
            return False
        partition.digest[place] = digest
        partition.listed += 1
        partition.list_read_s = read_s
        partition.newest_outcome = max(partition.newest_outcome, place + 1)
        user = self._users.setdefault(record.key, _User())
        user.listed += 1
        user.last_offset = max(user.last_offset, published.source.offset)
        if partition.written_ms[place]:
            self._note_latency(read_s, partition.written_ms[place])
        else:
            partition.early_s[place] = read_s
        return True

    def _take_letter(self, source: Place) -> bool:
        partition = self._partitions.get(source.partition)
        if partition is None or source.offset is None:
            # A state, not a click.
            return True
        place = partition.place(source.offset)
        if place is None or place in partition.set_aside:
            return False
        partition.set_aside.add(place)
        partition.newest_outcome = max(partition.newest_outcome, place + 1)
        return True

    def _note_latency(self, read_s: float, written_ms: int) -> None:
        self._latencies.append((read_s, int(read_s * 1000) - written_ms))
