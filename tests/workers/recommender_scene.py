"""A recommender between an app and a pipeline that a test moves: it ends eras, acknowledges, and sees each step."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import cast

from faust.types import TP

from models.errors import BrokerError
from tests.click_records import make_record
from tests.workers.reports import make_report
from workers.computed_batch import ComputedBatch
from workers.counts_follower import CountsFollower
from workers.fetched_records import Era
from workers.logs import LoggedUserIds
from workers.metrics import WorkerMetrics
from workers.micro_batches import MicroBatch
from workers.pipeline import Pipeline
from workers.ports import Acknowledgement, BatchAbandoned, Ownership
from workers.recommender import Recommender
from workers.streaming_app import StreamingApp

CLICKS = TP("clicks", 0)
FIRST, SECOND = Era(1, 0), Era(2, 1)


class InFlight:
    """A batch in flight that is owned until its consumer's era ends.

    Args:
        consumer: Whose era.
    """

    def __init__(self, consumer: "ScriptedConsumer") -> None:
        self._consumer = consumer
        self._era = consumer.era

    async def confirm(self, partitions: object) -> None:
        """Return while the era lasts."""
        self.require(partitions)

    def require(self, partitions: object) -> None:
        """Return while the era lasts.

        Raises:
            BatchAbandoned: After it.
        """
        if self._era != self._consumer.era:
            raise BatchAbandoned(f"{partitions} moved.")

    def done(self, next_offsets: dict[TP, int]) -> None:
        """Commit."""
        self._consumer.committed.append(next_offsets[CLICKS])


class ScriptedConsumer:
    """A consumer whose era a test ends."""

    def __init__(self) -> None:
        self.era = FIRST
        self.committed: list[int] = []
        self.in_flight = 0

    @contextmanager
    def batch_in_flight(self) -> Iterator[InFlight]:
        """Count who is in flight."""
        self.in_flight += 1
        try:
            yield InFlight(self)
        finally:
            self.in_flight -= 1


class ScriptedApp:
    """An app that keeps what its futures raise."""

    def __init__(self) -> None:
        self.consumer = ScriptedConsumer()
        self.crashed: list[BaseException] = []

    def add_future(self, work: Coroutine[object, object, None]) -> "asyncio.Future[None]":
        """Run it beside everything else."""
        return asyncio.ensure_future(self._run(work))

    async def _run(self, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except BrokerError as error:
            self.crashed.append(error)


class ScriptedPipeline:
    """A pipeline that notes its steps; a test acknowledges what it sends."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.sent: dict[str, asyncio.Future[dict[tuple[str, int], int]]] = {}

    def compute(self, records: list[object], refused: object = None) -> ComputedBatch:  # noqa: ARG002
        """Note it; a batch is known by its first record's offset."""
        number = make_number(records)
        self.steps.append(f"compute {number}")
        return ComputedBatch(frozenset({number}), [], [], make_report(applied=1))

    async def publish(self, batch: ComputedBatch, ownership: Ownership) -> Acknowledgement:
        """Send the lists."""
        return await self._send("publish", batch, ownership)

    async def save(self, batch: ComputedBatch, ownership: Ownership) -> Acknowledgement:
        """Send the states."""
        return await self._send("save", batch, ownership)

    async def install(self, batch: ComputedBatch, _saved: object, ownership: Ownership) -> None:
        """Note it."""
        await ownership.confirm(batch.partitions)
        self.steps.append(f"install {min(batch.partitions)}")

    def forget(self) -> None:
        """Note it."""
        self.steps.append("forget")

    def probe(self) -> None:
        """Fail as `compute` does."""
        self.compute([make_record(offset=0)])

    async def _send(self, what: str, batch: ComputedBatch, ownership: Ownership) -> Acknowledgement:
        await ownership.confirm(batch.partitions)
        step = f"{what} {min(batch.partitions)}"
        self.steps.append(step)
        self.sent[step] = asyncio.get_running_loop().create_future()
        return self.sent[step]


def make_number(records: list[object]) -> int:
    """Return the offset of a batch's first record."""
    return cast(int, records[0].offset)  # type: ignore[attr-defined]


class StoppedCounts:
    """A follower of the counts whose worker stops."""

    async def caught_up(self, end: int | None = None) -> None:
        """Raise.

        Raises:
            BatchAbandoned: Always.
        """
        raise BatchAbandoned(f"Not read up to {end}.")


class Scene:
    """A recommender between an app and a pipeline that a test moves; a batch of one record is a full one."""

    def __init__(self, *, batches_in_flight: int = 3, full_batch: int = 1, counts: StoppedCounts | None = None) -> None:
        self.app = ScriptedApp()
        self.pipeline = ScriptedPipeline()
        self.recommender = Recommender(
            cast(StreamingApp, self.app),
            cast(Pipeline, self.pipeline),
            WorkerMetrics(),
            batches_in_flight=batches_in_flight,
            full_batch=full_batch,
            user_ids=LoggedUserIds("pseudonym", "key"),
            counts=cast(CountsFollower | None, counts),
        )

    async def process(self, *numbers: int, era: Era = FIRST) -> None:
        """Give it micro-batches of one record each."""
        for number in numbers:
            await self.recommender.process(
                MicroBatch([make_record(offset=number)], {CLICKS: number + 1}, era)  # what the agent does
            )

    async def acknowledge(self, *steps: str) -> None:
        """Let the broker acknowledge, once it was asked, and let everybody go on as far as he can."""
        for step in steps:
            await self.until(step)
            self.pipeline.sent[step].set_result({})
        await settle()

    async def until(self, step: str) -> None:
        """Wait until a step is taken."""
        async with asyncio.timeout(30):
            while step not in self.pipeline.steps:  # noqa: ASYNC110 - taken in another thread
                await asyncio.sleep(0.001)


async def settle() -> None:
    """Let everybody go on as far as he can."""
    for _ in range(30):
        await asyncio.sleep(0.001)
