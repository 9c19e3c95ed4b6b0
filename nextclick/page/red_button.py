"""What only the demo may do: to workers of its own, and to a topic of its own."""

from collections.abc import Awaitable, Callable, Mapping

import aiohttp

from models.errors import NextclickError
from nextclick.page.drill import Drill
from nextclick.page.fleet import Fleet
from nextclick.page.live_page import LivePage
from nextclick.page.messages import DrillMessage
from nextclick.page.poison import POISONS
from nextclick.page.visitors import Visitor
from nextclick.page.worker_slots import SlotState, WorkerSlot
from nextclick.published_lists import PublishedList
from workers.events import RejectionReason

Action = Callable[[WorkerSlot], Awaitable[None]]


class RedButton:
    """Kills, pauses, adds and stops workers, and poisons their topic.

    Args:
        page: Told of everything.
        fleet: The workers.
        session: For the workers' pages.
    """

    def __init__(self, page: LivePage, fleet: Fleet, session: aiohttp.ClientSession) -> None:
        self._page = page
        self._fleet = fleet
        self._session = session
        self._drills = 0
        self._drilled: WorkerSlot | None = None
        self.newest: DrillMessage | None = None
        self.actions: Mapping[str, Action] = {
            "kill": self._kill,
            "pause": self._pause,
            "resume": self._resume,
            "stop": self._stop,
        }

    async def act(self, name: str, action: str) -> None:
        """Do something to a worker.

        Raises:
            NextclickError: If there is no such worker or action, or it cannot be done now.
        """
        slot, done = self._fleet.slots.get(name), self.actions.get(action)
        if slot is None or done is None:
            raise NextclickError(f"There is no worker {name[:40]!r}, or nothing called {action[:40]!r} to do to it.")
        if slot.state is SlotState.GONE:
            raise NextclickError(f"{name} is gone; it is started again in a moment.")
        await done(slot)
        self._page.tell_workers()

    async def add_worker(self) -> None:
        """Start one worker more.

        Raises:
            NextclickError: If there are enough.
        """
        self._fleet.add()
        self._page.tell_workers()

    async def send_poison(self, visitor: Visitor, reason: str) -> None:
        """Send a record that is no click, under the visitor's key: the next click comes right behind it.

        Raises:
            NextclickError: If there is no such poison, or the broker does not take it.
        """
        if reason not in {poison.value for poison in POISONS}:
            raise NextclickError(f"There is no poison for the reason {reason[:40]!r}.")
        await self._page.clicker.poison(visitor.key, POISONS[RejectionReason(reason)](visitor.user_id))

    async def _kill(self, slot: WorkerSlot) -> None:
        if self._drilled is not None:
            raise NextclickError(f"{self._drilled.name} is still coming back: one after the other.")
        self._drilled = slot
        self._drills += 1
        account = self._page.account
        drill = Drill(self._drills, slot, self._fleet, account, self._session, newest_list=self._newest)
        self._page.spawn(self._tell(drill))

    def _newest(self, user_id: str) -> PublishedList | None:
        visitor = self._page.visitors.of_id(user_id)
        return None if visitor is None else visitor.newest

    async def _tell(self, drill: Drill) -> None:
        try:
            async for user_id, message in drill.run(self._page.streams.user_ids):
                if user_id is None:
                    self.newest = message
                self._page.streams.tell(message, user_id)
                self._page.tell_workers()
        finally:
            self._drilled = None

    async def _pause(self, slot: WorkerSlot) -> None:
        if slot is self._drilled:
            raise NextclickError(f"{slot.name} is still coming back.")
        slot.pause()

    async def _resume(self, slot: WorkerSlot) -> None:
        slot.resume()

    async def _stop(self, slot: WorkerSlot) -> None:
        if slot is self._drilled:
            raise NextclickError(f"{slot.name} is still coming back.")
        await self._fleet.remove(slot.name)
