import asyncio
from random import Random

import pytest

from workers.ports import BatchAbandoned
from workers.turns import Turns


async def after(moments: int) -> None:
    """Let others go first, so often."""
    for _ in range(moments):
        await asyncio.sleep(0)


@pytest.mark.parametrize("seed", range(5))
def test_turns_come_in_the_order_of_the_numbers(seed: int) -> None:
    """Whoever asks first, and however long each turn takes: one at a time, 0, 1, 2, ..."""
    random = Random(seed)
    had: list[str] = []

    async def have_turn(turns: Turns, number: int) -> None:
        await after(random.randrange(10))
        async with turns.turn(number):
            had.append(f"{number} begins")
            await after(random.randrange(4))
            had.append(f"{number} ends")

    async def have_turns() -> None:
        turns = Turns()
        numbers = list(range(8))
        random.shuffle(numbers)
        await asyncio.gather(*(have_turn(turns, number) for number in numbers))

    asyncio.run(have_turns())
    assert had == [f"{number} {moment}" for number in range(8) for moment in ("begins", "ends")]


def test_behind_a_failure_nobody_gets_a_turn() -> None:
    """Neither who waits already nor who comes later; whoever came before had his."""

    async def have_turns() -> list[str]:
        turns = Turns()
        outcomes = []

        async def have_turn(number: int) -> None:
            try:
                async with turns.turn(number):
                    await after(2)
                    assert number != 1
            except (AssertionError, BatchAbandoned) as error:
                outcomes.append(f"{number} {type(error).__name__}")
            else:
                outcomes.append(f"{number} fine")

        await asyncio.gather(*(have_turn(number) for number in range(4)))
        await have_turn(4)
        return outcomes

    assert asyncio.run(have_turns()) == [
        "0 fine",
        "1 AssertionError",
        "2 BatchAbandoned",
        "3 BatchAbandoned",
        "4 BatchAbandoned",
    ]
