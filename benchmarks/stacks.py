"""Stacks that py-spy saw, summed up by stage."""

from collections import Counter
from collections.abc import Iterable

OURS = ("workers/", "export/", "models/")
# At the bottom of the main thread, under everything that Faust does.
ENTRY = "workers/process.py"
# Both graphs are run from here: the function tells them apart.
GRAPHS = "export/runtime.py"
LIBRARIES = ("aiokafka/", "faust/", "mode/", "asyncio/", "aiohttp/")
# Threads that wait for something; py-spy itself does not always see that they do.
IDLE = ("select (selectors.py)", "_worker (concurrent/futures/thread.py)", "wait (threading.py)")
# What takes less than this goes to the rest.
SMALLEST_SHARE = 0.005
REST, WAITING = "rest", "waiting"


def stage_shares(stacks: Iterable[str], looks: int) -> dict[str, float]:
    """Return each stage's share of the time, the largest first, the rest and the waiting last; they add up to 1.

    Args:
        stacks: py-spy's raw lines, `function (file);function (file) COUNT`, the outermost first.
        looks: How often it looked.
    """
    seen: Counter[str] = Counter()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        if not stack.endswith(IDLE):
            seen[_stage(stack.split(";"))] += int(count)
    # Two threads may run at one look, one on another core or about to give way.
    total = max(looks, seen.total())
    large = {stage: count / total for stage, count in seen.most_common() if count / total >= SMALLEST_SHARE}
    rest = large.pop(REST, 0.0) + sum(count / total for count in seen.values() if count / total < SMALLEST_SHARE)
    return {**large, REST: rest, WAITING: 1 - seen.total() / total}


def _stage(frames: list[str]) -> str:
    """Return the deepest file of ours, or else the deepest file of a library that is known."""
    deepest_first = [(_function(frame), _file(frame)) for frame in reversed(frames)]
    ours = [(function, file) for function, file in deepest_first if file.startswith(OURS) and file != ENTRY]
    if ours and ours[0][1] == GRAPHS:
        # The outermost of the file, what was asked of it: its comprehensions are frames of their own.
        function = [function for function, file in ours if file == GRAPHS][-1]
        return f"{GRAPHS.removesuffix('.py')}.{function}"
    libraries = [(function, file) for function, file in deepest_first if file.startswith(LIBRARIES)]
    return next((file.removesuffix(".py") for _, file in ours or libraries), REST)


def _function(frame: str) -> str:
    """Return `step` of `ModelRuntime.step (export/runtime.py)`."""
    return frame.partition(" (")[0].rpartition(".")[2]


def _file(frame: str) -> str:
    return frame.rpartition("(")[2].removesuffix(")")
