"""States that do not decode: damaged, or written by a newer nextclick before it was rolled back.

Such a record stays where it is, in the changelog and in the store, until its user clicks again. That click finds no
state to go on from, and the record of the state that it begins overwrites the other one. So the bytes become a dead
letter first: the pipeline publishes it with the click's list, and saves no state before both are acknowledged. Who
never clicks again keeps his record, and nothing is written twice but what a crash in between makes a worker do again.
"""

from dataclasses import dataclass

from workers.events import OutgoingRecord
from workers.messages import HEADER_PREFIX

UNREADABLE_STATE = "unreadable_state"


@dataclass(frozen=True, slots=True)
class UnreadableState:
    """A state record as it was found, and why it does not decode."""

    partition: int
    user_key: bytes
    record: bytes
    detail: str


def unreadable_state_letter(state: UnreadableState, *, changelog: str, topic: str, partitions: int) -> OutgoingRecord:
    """Return the state's bytes as a dead letter under its user's key.

    Its source has no offset: a store knows users, not the offsets of their records.

    Args:
        state: The state.
        changelog: The topic that it came from.
        topic: Where dead letters go.
        partitions: How many partitions that topic has.
    """
    reason = {
        "reason": UNREADABLE_STATE,
        "detail": state.detail,
        "source.topic": changelog,
        "source.partition": str(state.partition),
    }
    return OutgoingRecord(
        topic=topic,
        partition=state.partition % partitions,
        key=state.user_key,
        value=state.record,
        headers=tuple((HEADER_PREFIX + name, text.encode()) for name, text in reason.items()),
    )
