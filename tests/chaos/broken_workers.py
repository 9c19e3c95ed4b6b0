"""Workers with a mistake put in on purpose: `python -m tests.chaos.broken_workers NAME` starts one.

Each mistake is one that a checker must not overlook. It is put in from outside, at one named place of the worker, and a
place that is no longer there is an error: a broken worker that is not broken would prove nothing.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from faust.types import TP

from models.counts import partition_counter
from workers import batch_consumer, click_counting, counts_beside, record_batches, stepping
from workers.events import OutgoingRecord
from workers.ports import Acknowledgement

# Between two steps: a crash at a random moment then falls between them often enough for a short run.
PAUSE_S = 0.25
STATES = "-user-state-changelog"
COUNTS = ".counts"

Writer = record_batches.RecordBatchWriter


def pause_between_writes() -> None:
    """Change nothing but the time between the writes: the control, which must be found to be right."""
    send = _named(Writer, "send")

    async def send_slowly(self: Writer, records: Sequence[OutgoingRecord]) -> Acknowledgement:
        if _all_of(records, STATES) or any(record.topic.endswith(COUNTS) for record in records):
            await asyncio.sleep(PAUSE_S)
        acknowledgement: Acknowledgement = await send(self, records)
        return acknowledgement

    Writer.send = send_slowly  # type: ignore[method-assign]


def save_before_publish() -> None:
    """Write the states first and their lists after them."""
    send = _named(Writer, "send")
    # Several micro-batches are in flight: each one's lists wait for its own states.
    held: deque[tuple[Writer, Sequence[OutgoingRecord]]] = deque()

    async def send_in_the_wrong_order(self: Writer, records: Sequence[OutgoingRecord]) -> Acknowledgement:
        if records and not _all_of(records, STATES) and not _all_of(records, COUNTS):
            held.append((self, records))
            return asyncio.ensure_future(_nothing())
        acknowledgement: Acknowledgement = await send(self, records)
        await acknowledgement
        await asyncio.sleep(PAUSE_S)
        if records and held:
            list_writer, lists = held.popleft()
            await (await send(list_writer, lists))
        return acknowledgement

    Writer.send = send_in_the_wrong_order  # type: ignore[method-assign]


async def _nothing() -> Mapping[tuple[str, int], int]:
    return {}


def commit_early() -> None:
    """Commit what was fetched before anything is done with it."""
    consumer = batch_consumer.BatchConsumer
    deliver = _named(consumer, "_deliver_batches")
    commit = _named(consumer, "_commit")

    async def commit_and_deliver(self: Any, batches: Mapping[TP, Sequence[Any]], era: object) -> None:  # noqa: ANN401
        active = self._get_active_partitions()
        await commit(self, {tp: records[-1].offset + 1 for tp, records in batches.items() if tp in active})
        await deliver(self, batches, era)

    consumer._deliver_batches = commit_and_deliver  # type: ignore[method-assign]
    pause_between_writes()


def apply_again() -> None:
    """Apply every click that is delivered, also one that its user's state holds already."""
    _named(stepping, "are_applied")
    stepping.are_applied = lambda _arena, rows, _clicks: np.zeros(len(rows), np.bool_)  # type: ignore[assignment,attr-defined]


def count_again() -> None:
    """Count every click that is counted, also one that is in a durable record already."""
    resume = _named(partition_counter.PartitionCounter, "resume")

    def resume_and_forget(self: Any, chunks: Any) -> None:  # noqa: ANN401
        resume(self, chunks)
        for bucket in self._open.values():
            _named(bucket, "durable_offset")
            bucket.durable_offset = 0
            # Else a user's share would hide it.
            bucket.marks.clear()

    partition_counter.PartitionCounter.resume = resume_and_forget  # type: ignore[method-assign]
    pause_between_writes()


def count_late() -> None:
    """Write what was counted some time after the states that stand for it."""
    records_of = _named(counts_beside.CountsBeside, "records_of")
    later: set[asyncio.Future[None]] = set()

    async def write_later(writer: Writer, records: Sequence[OutgoingRecord]) -> None:
        await asyncio.sleep(4 * PAUSE_S)
        await (await writer.send(records))

    async def none_of(self: Any, batch: Any, *, writer: Writer, ownership: Any) -> list[OutgoingRecord]:  # noqa: ANN401
        records = await records_of(self, batch, writer=writer, ownership=ownership)
        task = asyncio.ensure_future(write_later(writer, records))
        later.add(task)
        task.add_done_callback(later.discard)
        return []

    counts_beside.CountsBeside.records_of = none_of  # type: ignore[assignment,method-assign]
    pause_between_writes()


def claim_nothing() -> None:
    """Count all partitions in one epoch: who was taken for dead overwrites his successor's records."""
    _named(click_counting.ClickCounting, "begin_claimed")

    def claims(self: Any, partitions: Any) -> list[OutgoingRecord]:  # noqa: ANN401
        for partition in partitions - self._counters.keys():
            counter = partition_counter.PartitionCounter(partition, self._recipe, epoch=1)
            counter.resume(self._durable.open_chunks(partition))
            self._counters[partition] = counter
        return []

    click_counting.ClickCounting.claims = claims  # type: ignore[method-assign]
    pause_between_writes()


MISTAKES: Mapping[str, Callable[[], None]] = {
    "control": pause_between_writes,
    "save-before-publish": save_before_publish,
    "commit-early": commit_early,
    "apply-again": apply_again,
    "count-again": count_again,
    "count-late": count_late,
    "claim-nothing": claim_nothing,
}


def command(mistake: str) -> tuple[str, ...]:
    """Return what starts a worker with this mistake."""
    return (sys.executable, "-m", "tests.chaos.broken_workers", mistake)


def _named(owner: object, name: str) -> Any:  # noqa: ANN401 - whatever is there
    if not hasattr(owner, name):
        raise SystemExit(f"{owner!r} has no {name!r} any more: put the mistake in elsewhere.")
    return getattr(owner, name)


def _all_of(records: Sequence[OutgoingRecord], suffix: str) -> bool:
    return bool(records) and all(record.topic.endswith(suffix) for record in records)


if __name__ == "__main__":
    mistake = MISTAKES[sys.argv[1]]
    from nextclick.__main__ import main

    mistake()
    sys.argv = ["nextclick", "worker"]
    main()
