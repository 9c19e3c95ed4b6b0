"""The red button: a worker is killed by signal 9, and its return is held against what was before.

1. Keep each browser's list, as a worker answers it: `GET /recommendations/{user}`, byte for byte.
2. Signal 9.
3. Note when the process is gone, a new one is started, it is ready, its first list comes, and every click has its
   outcome that was written before it was ready.
4. Ask for the same lists again and compare the bytes.
5. Wait a moment, and read the account: lost, applied twice, published once more.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from hashlib import sha256

import aiohttp
import msgspec

from nextclick.page.account import Balance, ClickAccount
from nextclick.page.fleet import Fleet
from nextclick.page.messages import DrillMessage, DrillStep
from nextclick.page.worker_slots import SlotState, WorkerSlot
from nextclick.published_lists import ClickSource, PublishedList

POLL_S = 0.05
TIMEOUT_S = 120.0
# Longer than the account remembers outcomes for: what was passed over is lost by then.
SETTLE_S = 4.0
DIGEST_DIGITS = 12


class Drill:
    """One kill and its recovery.

    Args:
        number: Which kill this is, from 1.
        slot: Whose worker is killed.
        fleet: The workers.
        account: What became of the clicks.
        session: For the workers' pages.
        newest_list: Returns the list that a user was sent last.
    """

    def __init__(
        self,
        number: int,
        slot: WorkerSlot,
        fleet: Fleet,
        account: ClickAccount,
        session: aiohttp.ClientSession,
        *,
        newest_list: Callable[[str], PublishedList | None],
    ) -> None:
        self._number = number
        self._slot = slot
        self._fleet = fleet
        self._account = account
        self._session = session
        self._newest_list = newest_list
        self._steps: list[DrillStep] = []
        self._killed_s = 0.0

    async def run(self, user_ids: set[str]) -> AsyncIterator[tuple[str | None, DrillMessage]]:
        """Kill the worker and yield what happens: messages for everybody (None), in the end one for each user."""
        lists, balance = await self._lists(user_ids), self._account.balance()
        async for message in self._kill_and_watch():
            yield None, message
        if message.failure:
            return
        after = await self._lists(user_ids)
        await asyncio.sleep(SETTLE_S)
        report = self._report(message, balance)
        yield None, report
        for user_id, body in lists.items():
            yield user_id, _with_list(report, body, after[user_id], self._newest_list(user_id))

    async def _kill_and_watch(self) -> AsyncIterator[DrillMessage]:
        """Kill the worker and yield each step of its return; a step that does not come is the end."""
        slot, account, lives = self._slot, self._account, self._slot.lives
        partitions, ends = slot.partitions, dict[int, int]()
        killed_at_s, self._killed_s = time.time(), time.monotonic()
        slot.kill()
        yield self._so_far("killed")

        def has_a_list() -> bool:
            return account.list_read_s(partitions) > killed_at_s + self._after("started")

        for name, has_happened in (
            ("gone", lambda: slot.exit_code is not None or slot.lives > lives),
            ("started", lambda: slot.lives > lives),
            ("ready", lambda: slot.state is SlotState.READY),
            # Where nobody clicks there is no first list, and nothing to catch up with.
            ("first list", lambda: has_a_list() or account.is_decided_to(ends)),
            ("caught up", lambda: account.is_decided_to(ends)),
        ):
            if not await self._wait(has_happened):
                yield self._failed(f"nothing of {name!r} within {TIMEOUT_S:.0f} s; its log says what it did")
                return
            if name == "ready":
                ends.update(account.ends())
            if name != "first list" or has_a_list():
                yield self._so_far(name)

    async def _lists(self, user_ids: set[str]) -> dict[str, bytes | None]:
        return {user_id: await self._fleet.user_list(self._session, user_id) for user_id in user_ids}

    def _report(self, recovered: DrillMessage, before: Balance) -> DrillMessage:
        """Return what became of the clicks since the kill."""
        now = self._account.balance()
        return msgspec.structs.replace(
            recovered,
            is_over=True,
            clicks=now.records - before.records,
            again=now.again - before.again,
            changed=now.changed - before.changed,
            lost=now.lost,
            applied_twice=now.applied_twice,
            states=now.states,
        )

    async def _wait(self, has_happened: Callable[[], bool]) -> bool:
        while not has_happened():
            if time.monotonic() - self._killed_s > TIMEOUT_S:
                return False
            await asyncio.sleep(POLL_S)
        return True

    def _after(self, name: str) -> float:
        return next((step.after_s for step in self._steps if step.name == name), 0.0)

    def _so_far(self, name: str) -> DrillMessage:
        self._steps.append(DrillStep(name, time.monotonic() - self._killed_s))
        return DrillMessage(self._number, self._slot.name, tuple(self._steps))

    def _failed(self, failure: str) -> DrillMessage:
        return DrillMessage(self._number, self._slot.name, tuple(self._steps), is_over=True, failure=failure)


def _with_list(
    report: DrillMessage, before: bytes | None, after: bytes | None, published: PublishedList | None
) -> DrillMessage:
    """Return the report with what became of one user's list."""
    return msgspec.structs.replace(
        report,
        your_list=_verdict(before, after, published),
        your_digest="" if before is None else sha256(before).hexdigest()[:DIGEST_DIGITS],
        your_bytes=0 if before is None else len(before),
    )


def _verdict(before: bytes | None, after: bytes | None, published: PublishedList | None) -> str:
    if before is None or after is None:
        return "unknown"
    if before == after:
        return "identical"
    was, now = _decode(before), _decode(after)
    if was.source == now.source or now.source is None:
        return "different"
    # Another click is another list, and ought to be: the one that was published for it.
    if published is None or published.source.offset != now.source.offset:
        return "clicked_meanwhile"
    return "as_published" if (now.items, now.scores) == (published.items, published.scores) else "different"


class _Answered(msgspec.Struct):
    """What a worker answers of a list."""

    items: tuple[str, ...]
    scores: tuple[float, ...]
    source: ClickSource | None


_decode = msgspec.json.Decoder(_Answered).decode
