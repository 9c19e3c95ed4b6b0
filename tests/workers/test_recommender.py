"""Several micro-batches in flight: each step in their order, nothing past a failure, nothing of an older era."""

import asyncio
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from models.errors import BrokerError
from tests.workers.recommender_scene import FIRST, SECOND, Scene, StoppedCounts, settle
from tests.workers.reports import make_report
from workers.computed_batch import ComputedBatch
from workers.fetched_records import Era
from workers.logs import LoggedUserIds


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


def test_a_worker_that_stops_while_it_reads_counts_processes_nothing() -> None:
    """What it was given is fetched again by whoever has the partitions next."""

    async def play() -> Scene:
        scene = Scene(counts=StoppedCounts())
        await scene.process(0, 1)
        return scene

    scene = asyncio.run(play())
    assert scene.pipeline.steps == []
    assert scene.app.consumer.committed == []
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
