"""The workers behind the page, whoever started them."""

from typing import Protocol

import aiohttp
import msgspec

from nextclick.page.counters import CounterSums
from nextclick.page.messages import WorkerView


class GivenList(msgspec.Struct, frozen=True):
    """A list that a worker was asked for, without a click."""

    items: tuple[str, ...]
    strategy: str


class Workers(Protocol):
    """Watches workers and asks them."""

    @property
    def counters(self) -> CounterSums:
        """What they count, over all of their lives."""
        ...

    @property
    def are_ours(self) -> bool:
        """Whether this page may kill them."""
        ...

    @property
    def is_ready(self) -> bool:
        """Whether any of them is ready."""
        ...

    @property
    def tend_s(self) -> float:
        """How often they are looked after."""
        ...

    async def tend(self, session: aiohttp.ClientSession) -> None:
        """Look after them once."""
        ...

    def views(self) -> tuple[WorkerView, ...]:
        """Return them as they can be seen now."""
        ...

    async def user_list(self, session: aiohttp.ClientSession, user_id: str) -> bytes | None:
        """Return the list that a user would be given now, as bytes; None where nobody answers."""
        ...


async def given_list(workers: Workers, session: aiohttp.ClientSession, user_id: str) -> GivenList | None:
    """Return the list that a user would be given now; None where nobody answers."""
    body = await workers.user_list(session, user_id)
    return None if body is None else msgspec.json.decode(body, type=GivenList)
