"""Clicks taken through loading and stepping in micro-batches, as the pipeline does, without its writing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from export.artifact import Artifact
from export.runtime import ModelRuntime
from tests.workers.fakes import MemoryRows
from workers.events import ClickEvent
from workers.loading import StateLoader
from workers.ports import StateRow
from workers.stepping import StepCounts, SteppedClick, Stepper, user_key
from workers.user_state import UserState, decode_state, encode_state


@dataclass
class StepRun:
    """One model stepping clicks, its states in memory between micro-batches.

    Attributes:
        artifact: The model.
        runtime: The model, ready to run.
        store: Where the states are; may be another run's, for a change of model.
        state_ttl_ms: As the stepper's.
        stepped: What came out so far.
        counts: One a micro-batch.
        unreadable: Users whose record did not decode, and why.
    """

    artifact: Artifact
    runtime: ModelRuntime
    store: MemoryRows = field(default_factory=MemoryRows)
    state_ttl_ms: int | None = None
    stepped: list[SteppedClick] = field(default_factory=list)
    counts: list[StepCounts] = field(default_factory=list)
    unreadable: dict[tuple[int, bytes], str] = field(default_factory=dict)

    def step(self, clicks: Sequence[ClickEvent]) -> list[SteppedClick]:
        """Take one micro-batch; return what came out of it, in offset order."""
        vocabulary = self.artifact.vocabulary
        model_id = self.artifact.manifest.model_id
        stepper = Stepper(self.runtime, vocabulary, state_ttl_ms=self.state_ttl_ms)
        with_consent = [click for click in clicks if click.consent]
        loaded = StateLoader(self.runtime, vocabulary, self.store).load([user_key(click) for click in with_consent])
        stepped, counts = stepper.step(with_consent, loaded)
        alone = stepper.step_alone([click for click in clicks if not click.consent])
        changed = dict.fromkeys(user_key(one.click) for one in stepped)
        self.store.install(
            [StateRow(*user, encode_state(loaded.new_state(user, model_id))) for user in changed], changelog_offsets={}
        )
        out = sorted([*stepped, *alone], key=lambda one: (one.click.record.partition, one.click.record.offset))
        self.stepped += out
        self.counts.append(counts)
        self.unreadable.update(loaded.unreadable)
        return out

    def state_of(self, user_id: str, partition: int = 0) -> UserState:
        """Return a user's saved state."""
        record = self.store.load(partition, user_id.encode())
        assert record is not None
        return decode_state(record)


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
