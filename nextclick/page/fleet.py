"""The workers under the red button: started, watched, started again after their end, stopped one by one."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

from models.errors import NextclickError
from nextclick.page.counters import CounterSums
from nextclick.page.messages import WorkerView
from nextclick.page.worker_pages import read_user_list, read_worker
from nextclick.page.worker_slots import SlotState, WorkerSlot
from workers.settings import Settings

MOST_WORKERS = 3
TEND_S = 0.2
# A worker that is ready is asked less often: to parse its metrics takes some 5 ms.
READ_READY_EVERY = 5


class Fleet:
    """Workers of one group, each a process of its own, within a `with` block.

    Args:
        settings: The workers'.
        logs: The folder of their logs.
    """

    def __init__(self, settings: Settings, logs: Path) -> None:
        self._settings = settings
        self._logs = logs
        self._named = 0
        self._turn = 0
        self.slots: dict[str, WorkerSlot] = {}
        self.counters = CounterSums()
        self.are_ours = True
        self.tend_s = TEND_S

    def __enter__(self) -> Self:
        self.add()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Beside each other: each finishes its micro-batch and leaves the group, which takes seconds.
        with ThreadPoolExecutor() as threads:
            for slot in self.slots.values():
                threads.submit(slot.close)

    def add(self) -> WorkerSlot:
        """Start one worker more.

        Raises:
            NextclickError: If there are enough.
        """
        if len(self.slots) >= MOST_WORKERS:
            raise NextclickError(f"There are {MOST_WORKERS} workers already: this machine has other things to do too.")
        self._named += 1
        slot = WorkerSlot(f"worker-{self._named}", self._settings, self._logs)
        slot.start()
        self.slots[slot.name] = slot
        return slot

    def wait_until_ready(self) -> None:
        """Return once the first worker is ready; not on the event loop.

        Raises:
            NextclickError: If it ends, or takes too long.
        """
        next(iter(self.slots.values())).process.wait_until_ready()

    async def remove(self, name: str) -> None:
        """Stop a worker as an operator does: it finishes its micro-batch, commits and leaves the group.

        Raises:
            NextclickError: If it is the only one.
        """
        if len(self.slots) == 1:
            raise NextclickError("It is the only worker: kill it, and it comes back.")
        slot = self.slots.pop(name)
        await asyncio.to_thread(slot.close)

    async def tend(self, session: aiohttp.ClientSession) -> None:
        """Start again what has ended, and hear what the others say; called every `TEND_S`."""
        self._turn += 1
        for slot in list(self.slots.values()):
            if slot.is_due():
                slot.start()
        asked = [slot for slot in self.slots.values() if self._is_asked(slot)]
        processes = [slot.process for slot in asked]
        readings = await asyncio.gather(*(read_worker(session, process.url) for process in processes))
        for slot, process, reading in zip(asked, processes, readings, strict=True):
            # It may have been killed and started again while it was asked.
            if slot.process is process and slot.exit_code is None:
                slot.note(reading)
                self.counters.take(slot.name, reading.samples)

    @property
    def is_ready(self) -> bool:
        """Whether any of them is ready."""
        return any(slot.state is SlotState.READY for slot in self.slots.values())

    def views(self) -> tuple[WorkerView, ...]:
        """Return them as they can be seen now."""
        return tuple(slot.view() for slot in self.slots.values())

    async def user_list(self, session: aiohttp.ClientSession, user_id: str) -> bytes | None:
        """Return a user's list from the first worker that answers."""
        for slot in list(self.slots.values()):
            if slot.state is SlotState.READY:
                body = await read_user_list(session, slot.process.url, user_id)
                if body is not None:
                    return body
        return None

    def _is_asked(self, slot: WorkerSlot) -> bool:
        if slot.state is SlotState.READY:
            return self._turn % READ_READY_EVERY == 0
        return slot.state not in (SlotState.GONE, SlotState.PAUSED)
