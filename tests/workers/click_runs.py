"""Clicks taken through loading and stepping in micro-batches, as the pipeline does, without its writing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np

from export.artifact import Artifact
from export.runtime import ModelRuntime, State
from tests.workers.fakes import MemoryRows
from workers.click_columns import click_columns
from workers.events import ClickEvent, Strategy
from workers.loading import StateLoader
from workers.ports import StateRow
from workers.stepping import NO_ROW, STRATEGIES, StepCounts, SteppedClicks, Stepper
from workers.user_rows import UserKey
from workers.user_state import UserState, decode_state


@dataclass(frozen=True)
class SteppedClick:
    """One click that was stepped.

    Attributes:
        click: The click.
        columns: What came out of its step, one row.
    """

    click: ClickEvent
    columns: SteppedClicks

    @property
    def strategy(self) -> Strategy:
        """How its list comes about."""
        return STRATEGIES[int(self.columns.strategy[0])]

    @property
    def tensors(self) -> State:
        """The model's tensors after it, each (1, ...)."""
        return self.columns.tensors

    @property
    def is_remembered(self) -> bool:
        """Whether it is part of its user's state."""
        return bool(self.columns.row[0] != NO_ROW)


@dataclass
class StepRun:
    """One model stepping clicks, its states in memory between micro-batches.

    Attributes:
        artifact: The model.
        runtime: The model, ready to run.
        store: Where the states are; may be another run's, for a change of model.
        state_ttl_ms: As the stepper's.
        hot_users: How many users stay in the arena from one micro-batch to the next; 0: every batch reads the store.
        stepped: What came out so far.
        counts: One a micro-batch.
    """

    artifact: Artifact
    runtime: ModelRuntime
    store: MemoryRows = field(default_factory=MemoryRows)
    state_ttl_ms: int | None = None
    hot_users: int = 0
    stepped: list[SteppedClick] = field(default_factory=list)
    counts: list[StepCounts] = field(default_factory=list)
    _loader: StateLoader | None = None

    def step(self, clicks: Sequence[ClickEvent]) -> list[SteppedClick]:
        """Take one micro-batch; return what came out of it, by partition in offset order."""
        loader = self.loader()
        stepper = Stepper(self.runtime, loader.arena, state_ttl_ms=self.state_ttl_ms, with_seen=True)
        consent = np.array([click.consent for click in clicks], dtype=np.bool_)
        rows = np.full(len(clicks), NO_ROW)
        loaded = loader.load([user_of(click) for click in clicks if click.consent])
        rows[consent] = loaded.rows
        stepped, counts = stepper.step(click_columns(clicks, self.artifact.vocabulary), rows, consent)
        views = [
            SteppedClick(clicks[position], stepped.take(np.array([number])))
            for number, position in enumerate(stepped.position.tolist())
        ]
        row_of = {user_of(one.click): int(one.columns.row[0]) for one in views if one.is_remembered}
        records = loader.arena.encode(np.array(list(row_of.values()), dtype=np.int64))
        self.store.install([StateRow(*user, record) for user, record in zip(row_of, records, strict=True)], {})
        out = sorted(views, key=lambda one: (one.click.record.partition, one.click.record.offset))
        self.stepped += out
        self.counts.append(counts)
        return out

    def loader(self) -> StateLoader:
        """Return the run's loader where users stay hot, else a new one."""
        if not self.hot_users:
            return StateLoader(self.runtime, self.artifact.vocabulary, self.store, capacity=1_000)
        if self._loader is None:
            self._loader = StateLoader(self.runtime, self.artifact.vocabulary, self.store, capacity=self.hot_users)
        return self._loader

    def state_of(self, user_id: str, partition: int = 0) -> UserState:
        """Return a user's saved state."""
        record = self.store.load(partition, user_id.encode())
        assert record is not None
        return decode_state(record)


def user_of(click: ClickEvent) -> UserKey:
    """Whose state a click advances."""
    return click.record.partition, click.user_id.encode()


def seeded(seed: int) -> Random:
    """Return chance that repeats itself."""
    return Random(seed)


def cut(clicks: Sequence[ClickEvent], random: Random, *, most: int = 9) -> Iterator[Sequence[ClickEvent]]:
    """Cut clicks into micro-batches of random sizes."""
    start = 0
    while start < len(clicks):
        end = start + random.randint(1, most)
        yield clicks[start:end]
        start = end


def tensors_by_offset(stepped: Sequence[SteppedClick]) -> dict[tuple[int, int], tuple[bytes, str]]:
    """Return each click's tensors and strategy by partition and offset; a second copy must be the first one."""
    found: dict[tuple[int, int], tuple[bytes, str]] = {}
    for one in stepped:
        record = one.click.record
        this = b"".join(tensor.tobytes() for tensor in one.tensors), one.strategy.value
        assert found.setdefault((record.partition, record.offset), this) == this
    return found
