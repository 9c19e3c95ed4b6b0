"""The changelog: every state that was ever written right, none before its lists, the newest one of the newest click."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tests.chaos.checker.clicks import Place
from tests.chaos.checker.expectation import Expected, User
from tests.chaos.checker.records import TopicRecord
from tests.chaos.checker.states import DecodedState, decode_state
from tests.chaos.checker.verdict import Verdict, Violation, at


class WrittenState(NamedTuple):
    """A state and when it was written."""

    last_offset: int
    timestamp_ms: int


@dataclass(frozen=True)
class LateWrites:
    """What workers that were stopped in the middle of their writes, and woke up too late, can have written.

    Attributes:
        woke_ms: When each woke up.
        for_ms: How long after that it may have gone on.
        states: How many states each can have written.
    """

    woke_ms: Sequence[int] = ()
    for_ms: int = 0
    states: int = 0

    @property
    def most(self) -> int:
        """All of them together."""
        return len(self.woke_ms) * self.states

    def unexplained(self, stale_ms: Sequence[int]) -> int:
        """Return how many of the stale states, written at these times, no such worker can have written."""
        left = sorted(stale_ms)
        for woke_ms in sorted(self.woke_ms):
            its = [at_ms for at_ms in left if woke_ms <= at_ms <= woke_ms + self.for_ms][: self.states]
            for at_ms in its:
                left.remove(at_ms)
        return len(left)


def check_states(
    records: Sequence[TopicRecord],
    expected: Mapping[Place, Expected],
    first_lists: Mapping[Place, TopicRecord],
    verdict: Verdict,
    late_writes: LateWrites,
) -> None:
    """Check every record of the changelog, which must hold all that was ever written to it."""
    written: dict[User, list[WrittenState]] = defaultdict(list)
    for record in records:
        user = (record.partition, record.key or b"")
        state = _checked_state(record, user, expected, verdict)
        if state is not None:
            written[user].append(WrittenState(state.last_offset, record.timestamp_ms))
    remembered: dict[User, list[int]] = defaultdict(list)
    for (partition, offset), one in expected.items():
        if one.state is not None:
            remembered[partition, one.click.user_id.encode()].append(offset)
    verdict.counts["users"] = len(remembered)
    stale_ms: list[int] = []
    for user, states in written.items():
        stale_ms += _count(states, verdict)
        _check_written_after_lists(user, states, remembered[user], first_lists, verdict)
    unexplained = late_writes.unexplained(stale_ms)
    if unexplained:
        detail = (
            f"{unexplained} of {len(stale_ms)} were written when no worker had just woken up, or are too many for it"
        )
        verdict.found(Violation.TOO_MANY_STALE_STATES, detail)
    for user, offsets in remembered.items():
        # What a restore keeps: never a state below one that it has read already.
        newest = max((state.last_offset for state in written[user]), default=None)
        if newest is None or newest < max(offsets):
            verdict.found(Violation.OLD_STATE, f"{user[1]!r} is at {newest}, the newest click is {max(offsets)}")


def _checked_state(
    record: TopicRecord, user: User, expected: Mapping[Place, Expected], verdict: Verdict
) -> DecodedState | None:
    verdict.counts["states"] += 1
    where = f"state {record.offset} of partition {record.partition}"
    try:
        state = decode_state(record.value or b"")
    except ValueError as error:
        verdict.found(Violation.WRONG_STATE, f"{where}: {error}")
        return None
    difference = _difference(state, user, expected)
    if difference:
        verdict.found(Violation.WRONG_STATE, f"{where}, {user[1]!r}: {difference}")
    return state


def _difference(state: DecodedState, user: User, expected: Mapping[Place, Expected]) -> str:
    """Say in what a state is not what the user's clicks up to its last offset make; nothing where it is."""
    one = expected.get((user[0], state.last_offset))
    if one is None or one.state is None or one.click.user_id.encode() != user[1]:
        return f"last offset {state.last_offset} is none of the user's clicks that may be remembered"
    names = ("source_partition", "updated_at_ms", "clicks", "session_hash", "session_clicks", "ring", "slots")
    differences = [name for name in names if getattr(state, name) != getattr(one.state, name)]
    return ", ".join(
        f"clicks {state.clicks}, not {one.state.clicks}" if name == "clicks" else f"{name} differs"
        for name in differences
    )


def _count(states: Sequence[WrittenState], verdict: Verdict) -> list[int]:
    """Count one user's states that were written again, and those after a newer one; return when those were written."""
    newest = -1
    stale_ms: list[int] = []
    for state in states:
        if state.last_offset < newest:
            stale_ms.append(state.timestamp_ms)
        verdict.counts["states again"] += state.last_offset == newest
        newest = max(newest, state.last_offset)
    verdict.counts["stale states"] += len(stale_ms)
    return stale_ms


def _check_written_after_lists(
    user: User,
    states: Sequence[WrittenState],
    offsets: Sequence[int],
    first_lists: Mapping[Place, TopicRecord],
    verdict: Verdict,
) -> None:
    """Check by the records' times that no state was written before a list that it stands for.

    A crash shows that only where it hits the moment between the two; the times show it in every run.
    """
    partition, _ = user
    left = sorted(states)
    earliest_ms: int | None = None
    # From the newest click back, with the earliest of the states that stand for it.
    for offset in sorted(offsets, reverse=True):
        while left and left[-1].last_offset >= offset:
            timestamp_ms = left.pop().timestamp_ms
            earliest_ms = timestamp_ms if earliest_ms is None else min(earliest_ms, timestamp_ms)
        first = first_lists.get((partition, offset))
        if first is not None and earliest_ms is not None and earliest_ms < first.timestamp_ms:
            early_ms = first.timestamp_ms - earliest_ms
            verdict.found(
                Violation.STATE_BEFORE_LIST, f"a state stands for {at((partition, offset))} {early_ms} ms too early"
            )
