"""The restore over a scripted changelog: all of it, from where the store stands, nothing after an interruption."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import faust
import pytest

from models.errors import BrokerError
from tests.workers.states import make_state
from workers import state_restorer
from workers.changelog_reader import ChangelogReader, ChangelogSpan
from workers.metrics import WorkerMetrics
from workers.readiness import Readiness
from workers.state_restorer import Restore, RestoreInterrupted, StateRestorer
from workers.stores.memory import MemoryStore
from workers.user_state import encode_state


class Record(NamedTuple):
    """A record as it is read from the changelog."""

    offset: int
    key: bytes | None
    value: bytes | None


def record_at(offset: int) -> Record:
    """A changelog record of a user of its own."""
    return Record(offset, b"user-%d" % offset, encode_state(make_state(offset)))


class ScriptedChangelog:
    """A `ChangelogReader` over logs in memory.

    Args:
        logs: Each partition's records.
        ends: Where partitions end, if not behind their last record.
        most: How many records a fetch brings of each partition.
    """

    def __init__(
        self, logs: Mapping[int, list[Record]], *, ends: Mapping[int, int] | None = None, most: int = 7
    ) -> None:
        self.logs = logs
        self._ends = {partition: log[-1].offset + 1 if log else 0 for partition, log in logs.items()} | dict(ends or {})
        self._most = most
        self.positions: dict[int, int] = {}
        self.fetched: list[int] = []
        self.before_fetch = asyncio.Event()
        self.before_fetch.set()

    async def assign(self, newest_offsets: Mapping[int, int | None]) -> Mapping[int, ChangelogSpan]:
        """Start behind what is known."""
        starts = {partition: 0 if newest is None else newest + 1 for partition, newest in newest_offsets.items()}
        self.positions = dict(starts)
        return {partition: ChangelogSpan(start, self._ends[partition]) for partition, start in starts.items()}

    async def fetch(self, *, max_records: int, timeout_s: float) -> Mapping[int, Sequence[Record]]:  # noqa: ARG002
        """Return the next few records of each partition."""
        await self.before_fetch.wait()
        await asyncio.sleep(0)
        fetched = {}
        for partition, position in self.positions.items():
            records = [record for record in self.logs[partition] if record.offset >= position][: self._most]
            if records:
                fetched[partition] = records
                self.positions[partition] = records[-1].offset + 1
                self.fetched += [record.offset for record in records]
        return fetched

    async def position(self, partition: int) -> int:
        """Return what is read next."""
        return self.positions[partition]

    def lag(self, partition: int, position: int) -> int:
        """Return how many records are left."""
        return sum(record.offset >= position for record in self.logs[partition])

    def has_no_more(self, partition: int, end: int) -> bool:  # noqa: ARG002
        """Know it at once."""
        return self.lag(partition, self.positions[partition]) == 0


@pytest.fixture
def store() -> MemoryStore:
    """An empty store behind a Faust app that is never started."""
    app = faust.App("shop", broker="kafka://127.0.0.1:1")
    return MemoryStore("nextclick-memory://", app, app.Table("user-state", key_type=bytes, value_type=bytes))


@pytest.fixture
def metrics() -> WorkerMetrics:
    """What an operator sees."""
    return WorkerMetrics()


def begin(store: MemoryStore, changelog: ScriptedChangelog, metrics: WorkerMetrics) -> Restore:
    """Begin a restore."""
    return StateRestorer(store, cast(ChangelogReader, changelog), Readiness(metrics)).begin()


def gauges(metrics: WorkerMetrics, name: str) -> dict[str, float]:
    """The values of a gauge by partition."""
    return {
        sample.labels["partition"]: sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == name
    }


async def turns() -> None:
    """Give everything that is ready to go on the time for it."""
    for _ in range(200):
        await asyncio.sleep(0)


def test_every_state_of_the_partitions_is_restored(store: MemoryStore, metrics: WorkerMetrics) -> None:
    """Of these partitions, whole fetches at a time; gauges stand at nothing left."""
    logs = {partition: [record_at(offset) for offset in range(20 * partition)] for partition in (0, 1, 2)}
    asyncio.run(begin(store, ScriptedChangelog(logs), metrics).restore({0, 2}))
    assert len(store) == 40
    assert all(store.load(2, record.key or b"") == record.value for record in logs[2])
    assert (store.newest_offset(0), store.newest_offset(1), store.newest_offset(2)) == (None, None, 39)
    assert gauges(metrics, "nextclick_restore_records_remaining") == {"0": 0, "2": 0}


def test_only_what_the_store_does_not_have_is_read(store: MemoryStore, metrics: WorkerMetrics) -> None:
    """A standby that is promoted and a RocksDB that was there before read their tail."""
    changelog = ScriptedChangelog({0: [record_at(offset) for offset in range(20)]})
    store.install([], {0: 16})
    asyncio.run(begin(store, changelog, metrics).restore({0}))
    assert changelog.fetched == [17, 18, 19]


def test_a_worker_without_partitions_restores_nothing(store: MemoryStore, metrics: WorkerMetrics) -> None:
    """More workers than partitions: one of them waits for its turn."""
    asyncio.run(begin(store, ScriptedChangelog({}), metrics).restore(set()))
    assert len(store) == 0


def test_a_restore_ends_where_the_last_records_were_compacted_away(store: MemoryStore, metrics: WorkerMetrics) -> None:
    """The end is remembered: the next restore does not look for them again."""
    holes = [record for record in map(record_at, range(20)) if record.offset % 3]
    changelog = ScriptedChangelog({0: holes}, ends={0: 40})
    asyncio.run(begin(store, changelog, metrics).restore({0}))
    assert len(store) == len(holes)
    assert store.newest_offset(0) == 39


@pytest.mark.parametrize("moment", range(12))
def test_nothing_is_applied_after_an_interruption(store: MemoryStore, metrics: WorkerMetrics, moment: int) -> None:
    """The store lets go of partitions then: a record applied later would open them again."""

    async def run() -> None:
        logs = {partition: [record_at(offset) for offset in range(50)] for partition in (0, 1)}
        restore = begin(store, ScriptedChangelog(logs), metrics)
        restoring = asyncio.create_task(restore.restore({0, 1}))
        for _ in range(moment):
            await asyncio.sleep(0)
        restore.interrupt()
        restored = len(store)
        with pytest.raises(RestoreInterrupted):
            await restoring
        assert len(store) == restored

    asyncio.run(run())


def test_what_fails_is_raised(store: MemoryStore, metrics: WorkerMetrics, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not take the records ends the worker: it must not serve half of the states."""

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(store, "restore", full)
    with pytest.raises(OSError, match="No space left"):
        asyncio.run(begin(store, ScriptedChangelog({0: [record_at(0)]}), metrics).restore({0}))


def test_a_changelog_that_cannot_be_read_is_raised(store: MemoryStore, metrics: WorkerMetrics) -> None:
    """So is a broker's refusal."""

    class Refusing(ScriptedChangelog):
        async def fetch(self, **_: object) -> Mapping[int, Sequence[Record]]:
            raise BrokerError("not authorized")

    with pytest.raises(BrokerError, match="not authorized"):
        asyncio.run(begin(store, Refusing({0: [record_at(0)]}), metrics).restore({0}))


def test_a_standby_follows_until_it_is_interrupted(
    store: MemoryStore, metrics: WorkerMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written meanwhile arrives, the gauge says how far it is behind; promoted, it reads nothing twice."""
    monkeypatch.setattr(state_restorer, "TELL_INTERVAL_S", 0.0)

    async def run() -> None:
        log = [record_at(offset) for offset in range(20)]
        changelog = ScriptedChangelog({0: log})
        standby = begin(store, changelog, metrics)
        following = asyncio.create_task(standby.follow({0}))
        await turns()
        assert store.newest_offset(0) == 19
        log += [record_at(offset) for offset in range(20, 25)]
        await turns()
        assert store.newest_offset(0) == 24
        assert gauges(metrics, "nextclick_standby_lag_records") == {"0": 0}
        standby.interrupt()
        with pytest.raises(RestoreInterrupted):
            await following
        log.append(record_at(25))
        changelog = ScriptedChangelog({0: log})
        await begin(store, changelog, metrics).restore({0})
        assert changelog.fetched == [25]
        assert gauges(metrics, "nextclick_standby_lag_records") == {}

    asyncio.run(run())


def test_the_next_restore_waits_until_an_interrupted_one_has_let_go(store: MemoryStore, metrics: WorkerMetrics) -> None:
    """They share one reader: a fetch that is still out must not meet the next one's partitions."""

    async def run() -> None:
        changelog = ScriptedChangelog({0: [record_at(offset) for offset in range(20)], 1: []})
        restorer = StateRestorer(store, cast(ChangelogReader, changelog), Readiness(metrics))
        changelog.before_fetch.clear()
        old = restorer.begin()
        interrupted = asyncio.create_task(old.restore({0}))
        await asyncio.sleep(0)
        old.interrupt()
        following = asyncio.create_task(restorer.begin().restore({1}))
        await asyncio.sleep(0)
        assert list(changelog.positions) == [0]
        changelog.before_fetch.set()
        with pytest.raises(RestoreInterrupted):
            await interrupted
        await following
        assert list(changelog.positions) == [1]
        assert len(store) == 0

    asyncio.run(run())


def test_a_long_restore_says_how_far_it_is(
    store: MemoryStore, metrics: WorkerMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For whoever waits for it: /readyz names records done and to go, and when it will be over."""
    monkeypatch.setattr(state_restorer, "TELL_INTERVAL_S", 0.0)
    answers = []

    class Watched(Readiness):
        def states_are_restoring(self, progress: object) -> None:
            super().states_are_restoring(progress)  # type: ignore[arg-type]
            answers.append(self.waiting_for or "")

    readiness = Watched(metrics)
    readiness.model_is_warm()
    changelog = ScriptedChangelog({0: [record_at(offset) for offset in range(20)]}, most=10)
    asyncio.run(StateRestorer(store, cast(ChangelogReader, changelog), readiness).begin().restore({0}))
    assert [answer.split(", ")[0] for answer in answers] == [
        "restoring user states: 0 of 20 records",
        "restoring user states: 10 of 20 records",
        "restoring user states: 20 of 20 records",
        "restoring user states: 20 of 20 records",
    ]
    assert answers[1].endswith(" s left")
