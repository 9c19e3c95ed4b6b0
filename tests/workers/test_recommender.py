"""Several micro-batches in flight: each step in their order, nothing past a failure, nothing of an older era."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

import pytest
from faust.types import TP
from structlog.testing import capture_logs

from models.errors import BrokerError
from tests.click_records import make_record
from tests.workers.reports import make_report
from workers.fetched_records import Era
from workers.logs import LoggedUserIds
from workers.metrics import WorkerMetrics
from workers.micro_batches import MicroBatch
from workers.pipeline import ComputedBatch, Pipeline
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


class Scene:
    """A recommender between an app and a pipeline that a test moves; a batch of one record is a full one."""

    def __init__(self, *, batches_in_flight: int = 3, full_batch: int = 1) -> None:
        self.app = ScriptedApp()
        self.pipeline = ScriptedPipeline()
        self.recommender = Recommender(
            cast(StreamingApp, self.app),
            cast(Pipeline, self.pipeline),
            WorkerMetrics(),
            batches_in_flight=batches_in_flight,
            full_batch=full_batch,
            user_ids=LoggedUserIds("pseudonym", "key"),
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


@pytest.fixture(autouse=True)
def _scripted_consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The app's consumer is the scripted one."""
    monkeypatch.setattr("workers.recommender.batch_consumer", lambda app: app.consumer)


def test_while_one_is_written_the_next_is_computed() -> None:
    """Lists do not wait for those before them; states wait for their lists, and offsets for their states."""

    async def play() -> Scene:
        scene = Scene()
        await scene.process(0, 1)
        await scene.until("publish 1")
        # Whether the second is computed before the first is sent is anybody's guess.
        assert set(scene.pipeline.steps) == {"forget", "compute 0", "publish 0", "compute 1", "publish 1"}
        assert scene.pipeline.steps.index("publish 0") < scene.pipeline.steps.index("publish 1")
        await scene.acknowledge("publish 1")
        assert scene.pipeline.steps[5:] == []
        await scene.acknowledge("publish 0")
        assert scene.pipeline.steps[5:] == ["save 0", "save 1"]
        await scene.acknowledge("save 1")
        assert scene.app.consumer.committed == []
        await scene.acknowledge("save 0")
        return scene

    scene = asyncio.run(play())
    assert scene.pipeline.steps[7:] == ["install 0", "install 1"]
    assert scene.app.consumer.committed == [1, 2]
    assert scene.app.consumer.in_flight == 0


def test_behind_a_batch_that_is_not_full_the_next_waits_for_its_lists() -> None:
    """And no longer: its states are saved while the next one is computed."""

    async def play() -> Scene:
        scene = Scene(full_batch=2)
        processing = asyncio.ensure_future(scene.process(0, 1))
        await scene.until("publish 0")
        await settle()
        assert "compute 1" not in scene.pipeline.steps
        await scene.acknowledge("publish 0")
        await scene.until("publish 1")
        await scene.acknowledge("save 0", "publish 1", "save 1")
        await processing
        return scene

    scene = asyncio.run(play())
    assert scene.app.consumer.committed == [1, 2]


def test_no_more_are_in_flight_than_there_is_room_for() -> None:
    """The third is not computed before the first is committed: a slow broker slows the intake."""

    async def play() -> None:
        scene = Scene(batches_in_flight=2)
        await scene.process(0, 1)
        waiting = asyncio.ensure_future(scene.process(2))
        await settle()
        assert "compute 2" not in scene.pipeline.steps
        await scene.acknowledge("publish 0")
        await scene.acknowledge("save 0")
        await waiting
        assert "compute 2" in scene.pipeline.steps

    asyncio.run(play())


@pytest.mark.parametrize("failing", ["publish 0", "save 0"])
def test_nothing_is_saved_or_committed_behind_a_failure(failing: str) -> None:
    """What was computed on top of it must not outlive it, and the worker ends."""

    async def play() -> Scene:
        scene = Scene()
        await scene.process(0, 1)
        await settle()
        await scene.acknowledge("publish 1", *(["publish 0"] if failing == "save 0" else []))
        await scene.until(failing)
        scene.pipeline.sent[failing].set_exception(BrokerError("The broker is gone."))
        if "save 1" in scene.pipeline.sent:
            scene.pipeline.sent["save 1"].set_result({})
        await settle()
        with pytest.raises(BrokerError, match="The broker is gone"):
            await scene.process(2)
        return scene

    scene = asyncio.run(play())
    assert [str(error) for error in scene.app.crashed] == ["The broker is gone."]
    assert scene.app.consumer.committed == []
    assert not [step for step in scene.pipeline.steps if step.startswith("install") or step == "compute 2"]
    assert scene.app.consumer.in_flight == 0


def test_an_abandoned_batch_takes_its_era_along() -> None:
    """Nothing more of the era is processed; the next era begins with what is in the store."""

    async def play() -> Scene:
        scene = Scene()
        await scene.process(0, 1)
        await scene.until("publish 1")
        scene.app.consumer.era = SECOND
        await scene.acknowledge("publish 0", "publish 1")
        # Taken from the queue before the era ended.
        await scene.process(2)
        scene.pipeline.sent.clear()
        await scene.process(0, era=SECOND)
        while "publish 0" not in scene.pipeline.sent:
            await settle()
        scene.pipeline.sent["publish 0"].set_result({})
        await scene.acknowledge("save 0")
        return scene

    scene = asyncio.run(play())
    assert scene.pipeline.steps[5:] == ["forget", "compute 0", "publish 0", "save 0", "install 0"]
    assert scene.app.consumer.committed == [1]
    assert scene.app.consumer.in_flight == 0
    assert scene.app.crashed == []


def test_an_era_begins_when_nothing_of_the_last_is_in_flight() -> None:
    """Its states are installed by then, or never will be."""

    async def play() -> None:
        scene = Scene()
        # A seek alone: the batches before it are still owned, and finish.
        await scene.process(0)
        await scene.until("publish 0")
        after_seek = Era(FIRST.generation, FIRST.seeks)._replace(seeks=1)
        waiting = asyncio.ensure_future(scene.process(0, era=after_seek))
        await settle()
        assert scene.pipeline.steps == ["forget", "compute 0", "publish 0"]
        await scene.acknowledge("publish 0")
        await scene.acknowledge("save 0")
        scene.app.consumer.era = after_seek
        await waiting
        assert scene.pipeline.steps[3:6] == ["save 0", "install 0", "forget"]
        await settle()

    asyncio.run(play())


def test_the_log_names_a_user_by_a_pseudonym() -> None:
    """Of a state that does not decode; the id itself is in no line."""

    async def play() -> None:
        scene = Scene()
        compute = scene.pipeline.compute
        report = make_report(applied=1, unreadable_states={b"ann": "damaged"})
        scene.pipeline.compute = lambda records, refused=None: replace(  # type: ignore[method-assign]
            compute(records, refused), report=report
        )
        await scene.process(0)
        await scene.acknowledge("publish 0", "save 0")

    with capture_logs() as lines:
        asyncio.run(play())
    (line,) = [line for line in lines if line.get("reason") == "damaged"]
    assert line["user"] == LoggedUserIds("pseudonym", "key").name(b"ann")
    assert "ann" not in str(line)


def test_a_model_that_fails_on_everything_ends_the_worker() -> None:
    """No record is to blame: no offset moves, and nobody stays in flight."""

    async def play() -> Scene:
        scene = Scene()
        scene.pipeline.compute = raise_always  # type: ignore[method-assign,assignment]
        with pytest.raises(ZeroDivisionError):
            await scene.process(0)
        return scene

    scene = asyncio.run(play())
    assert scene.app.consumer.committed == []
    assert scene.app.consumer.in_flight == 0


def test_a_batch_that_fails_waits_for_those_before_it() -> None:
    """What it is computed from again must be in the store by then."""

    async def play() -> Scene:
        scene = Scene()
        await scene.process(0)
        compute, failures = scene.pipeline.compute, iter([True])

        def fail_once(records: list[object], refused: object = None) -> ComputedBatch:
            if next(failures, False):
                raise ZeroDivisionError
            return compute(records, refused)

        scene.pipeline.compute = fail_once  # type: ignore[method-assign]
        failing = asyncio.ensure_future(scene.process(1))
        await settle()
        assert scene.pipeline.steps == ["forget", "compute 0", "publish 0"]
        await scene.acknowledge("publish 0")
        await scene.acknowledge("save 0")
        await failing
        await scene.until("publish 1")
        return scene

    scene = asyncio.run(play())
    assert scene.pipeline.steps[3:] == ["save 0", "install 0", "compute 0", "forget", "compute 1", "publish 1"]


def raise_always(_records: list[object], _refused: object = None) -> ComputedBatch:
    """Fail as a model does."""
    raise ZeroDivisionError
