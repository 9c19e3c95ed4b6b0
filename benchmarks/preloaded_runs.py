"""One program against a click topic that is full before it starts: how fast does it get through?

The clock starts when the first lists have been read from the output topic and stops when the last ones have: the
program's start, the forming of its group and its first batch are left out, and so are the clicks of that first batch.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from benchmarks.checking import click_number
from benchmarks.click_sets import ClickSet
from benchmarks.processes import Program
from benchmarks.reading import Arrival, topic_tail
from benchmarks.streams import PARTITIONS, Stream
from models.errors import NextclickError


@dataclass(frozen=True)
class Throughput:
    """What a program did in a second.

    Attributes:
        clicks_per_s: Clicks that are behind it.
        lists_per_s: Lists that it published.
    """

    clicks_per_s: float
    lists_per_s: float


def read_lists(
    stream: Stream, programs: Sequence[Program], is_complete: Callable[[Sequence[bytes]], bool]
) -> list[Arrival]:
    """Read the output topic until it is complete, while the programs run."""

    def check() -> None:
        for program in programs:
            program.require_running()

    async def read() -> list[Arrival]:
        settings = stream.settings
        async with topic_tail(settings.bootstrap_servers, settings.recommendations_topic, PARTITIONS, check) as tail:
            await tail.read_until(is_complete)
            return tail.arrivals

    return asyncio.run(read())


def run_preloaded(
    stream: Stream, clicks: ClickSet, program: Program, is_complete: Callable[[Sequence[bytes]], bool]
) -> list[Arrival]:
    """Fill the click topic, start the program, and read what it publishes."""
    stream.preload(clicks)
    with ExitStack() as stack:
        return read_lists(stream, [stack.enter_context(program)], is_complete)


def after(count: int) -> Callable[[Sequence[bytes]], bool]:
    """Return what tells when so many lists have come."""
    missing = count

    def is_complete(values: Sequence[bytes]) -> bool:
        nonlocal missing
        missing -= len(values)
        return missing <= 0

    return is_complete


def after_last_clicks(clicks: ClickSet) -> Callable[[Sequence[bytes]], bool]:
    """Return what tells when the last click of each partition has its list."""
    partition = clicks.user % PARTITIONS
    missing = {int(np.flatnonzero(partition == one)[-1]) for one in np.unique(partition)}

    def is_complete(values: Sequence[bytes]) -> bool:
        missing.difference_update(map(click_number, values))
        return not missing

    return is_complete


def throughput(arrivals: Sequence[Arrival], clicks: ClickSet) -> Throughput:
    """Return what was done between the first and the last arrival.

    Raises:
        NextclickError: If all lists came at once: there were too few clicks to measure.
    """
    first = arrivals[0]
    elapsed_s = arrivals[-1].at_s - first.at_s
    if elapsed_s <= 0:
        raise NextclickError(f"All lists of {len(clicks):,} clicks came at once: measure with more clicks.")
    lists = sum(len(arrival.values) for arrival in arrivals[1:])
    return Throughput((len(clicks) - clicks_behind(first.values, clicks)) / elapsed_s, lists / elapsed_s)


def clicks_behind(values: Sequence[bytes], clicks: ClickSet) -> int:
    """Return how many clicks a program has behind it that has published these lists, each partition's in order."""
    partition = clicks.user % PARTITIONS
    numbers = np.array([click_number(value) for value in values], dtype=np.int64)
    behind = 0
    for one in np.unique(partition[numbers]):
        newest = numbers[partition[numbers] == one].max()
        behind += int(np.count_nonzero(partition[: newest + 1] == one))
    return behind
