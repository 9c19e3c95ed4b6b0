"""How long this worker's partitions are surely its own: until a session after its last heartbeat that was answered.

A worker that hangs for longer than its session loses its partitions and does not know it: when it wakes up, its
consumer generation is still the old one until a heartbeat is refused. Another worker may have gone on from the states
by then. So it writes only while its lease holds, and waits for a heartbeat's answer where it does not.
"""

import time
from collections.abc import Callable

from aiokafka.consumer.group_coordinator import GroupCoordinator


class SessionLease:
    """A lease of one session timeout, renewed by every answered heartbeat from the moment in which it was sent.

    Args:
        session_timeout_s: After so long without a heartbeat the group gives the partitions away.
        now: A clock that goes on while the process does not run.
    """

    def __init__(self, session_timeout_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._session_timeout_s = session_timeout_s
        self._now = now
        self._renewed_at: float | None = None
        self._watched: GroupCoordinator | None = None

    def holds(self) -> bool:
        """Tell whether nobody else can have the partitions at this moment."""
        return self._renewed_at is not None and self._now() < self._renewed_at + self._session_timeout_s

    def joined(self, coordinator: GroupCoordinator) -> None:
        """Begin the lease: the group has just taken the worker in; from now on its heartbeats renew it."""
        self._renewed_at = self._now()
        if self._watched is not coordinator:
            self._watch(coordinator)

    def _watch(self, coordinator: GroupCoordinator) -> None:
        if not hasattr(coordinator, "_do_heartbeat"):
            raise RuntimeError("aiokafka has renamed _do_heartbeat: update workers/session_lease.py.")
        beat = coordinator._do_heartbeat  # noqa: SLF001 - the library tells nobody of a heartbeat's answer

        async def beat_and_renew() -> bool:
            sent_at = self._now()
            answered: bool = await beat()
            if answered:
                self._renewed_at = sent_at
            return answered

        coordinator._do_heartbeat = beat_and_renew  # noqa: SLF001
        self._watched = coordinator
