"""Where micro-batches are computed: the event loop is never kept from its work for long."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from tests.click_records import make_record
from workers.events import ClickRecord
from workers.model_thread import BRIEF_S, ModelThread

RECORDS = [make_record()]


def test_brief_work_is_done_at_once_and_long_work_in_the_thread() -> None:
    """What the last micro-batch of about this size took decides; nothing is known of the first."""
    now = 0.0

    def work(seconds: float) -> Callable[[Sequence[ClickRecord]], bool]:
        def compute(_records: Sequence[ClickRecord]) -> bool:
            """Take a while; tell whether it is in the event loop's thread."""
            nonlocal now
            now += seconds
            return threading.current_thread() is threading.main_thread()

        return compute

    async def run() -> None:
        model = ModelThread(clock=lambda: now)
        brief, long = work(BRIEF_S / 2), work(BRIEF_S * 2)
        assert not await model.run(brief, RECORDS * 4)
        assert await model.run(brief, RECORDS * 4)
        assert await model.run(brief, RECORDS * 7)
        assert not await model.run(brief, RECORDS * 8)
        assert await model.run(long, RECORDS * 5), "nobody can know"
        assert not await model.run(brief, RECORDS * 5)
        assert await model.run(brief, RECORDS * 5), "that one was slow by chance"

    asyncio.run(run())


def _long_work(_records: Sequence[ClickRecord]) -> None:
    time.sleep(20 * BRIEF_S)


def test_the_event_loop_lives_while_long_work_is_done() -> None:
    """Other tasks get their turns meanwhile."""

    async def run() -> None:
        model, turns = ModelThread(), 0

        async def count() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(BRIEF_S / 2)
                turns += 1

        counting = asyncio.create_task(count())
        await model.run(_long_work, RECORDS)
        counting.cancel()
        assert turns > 2

    asyncio.run(run())


def test_an_error_reaches_the_caller() -> None:
    """From the thread as from the event loop."""

    async def run() -> None:
        model = ModelThread()

        def fail(_records: Sequence[ClickRecord]) -> None:
            raise ValueError("the model failed")

        for _ in range(2):
            with pytest.raises(ValueError, match="the model failed"):
                await model.run(fail, RECORDS)

    asyncio.run(run())
