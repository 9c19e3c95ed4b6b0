"""One step of several micro-batches in flight, taken in their order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from workers.ports import BatchAbandoned


class Turns:
    """Lets numbered micro-batches, 0, 1, 2, ..., take a step one at a time, in the order of their numbers.

    Once one has failed in its turn, none behind it gets one: what they would write builds on what was not written.
    """

    def __init__(self) -> None:
        self._next = 0
        self._failed = False
        self._waiting: dict[int, asyncio.Event] = {}

    @asynccontextmanager
    async def turn(self, number: int) -> AsyncIterator[None]:
        """Wait for the micro-batch's turn, and have it.

        Raises:
            BatchAbandoned: If one before it failed.
        """
        if number != self._next and not self._failed:
            await self._waiting.setdefault(number, asyncio.Event()).wait()
        if self._failed:
            raise BatchAbandoned("A micro-batch before this one was not written.")
        try:
            yield
        except BaseException:
            self._fail()
            raise
        self._next = number + 1
        following = self._waiting.pop(self._next, None)
        if following is not None:
            following.set()

    def _fail(self) -> None:
        self._failed = True
        for waiting in self._waiting.values():
            waiting.set()
