from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from export.artifact import Artifact
from export.runtime import ModelRuntime
from tests.click_records import make_click
from tests.workers.click_runs import StepRun
from tests.workers.fakes import Diary, MemoryRows, RecordingWriter
from workers.events import ClickEvent
from workers.loading import StateLoader
from workers.ports import StateRow
from workers.state_arena import StateArena
from workers.unreadable_states import UnreadableState
from workers.user_state import decode_state, encode_state

ANN = (0, b"ann")
OTHER_MODEL = "0123456789abcdef"


def forget_model(run: StepRun, user_id: str = "ann") -> None:
    """Put the user's state back as if another model had made it."""
    state = run.state_of(user_id)
    foreign = replace(state, slots=((OTHER_MODEL, b"tensors of another shape"),))
    run.store.install([StateRow(0, user_id.encode(), encode_state(foreign))], {})


class Loaded(NamedTuple):
    """Users loaded into an arena."""

    rows: NDArray[np.int64]
    unreadable: dict[tuple[int, bytes], UnreadableState]
    arena: StateArena

    def clicks(self) -> list[int]:
        """How often each has clicked."""
        return [int(clicks) for clicks in self.arena.head["clicks"][self.rows]]

    def rebuilt(self) -> list[bool]:
        """Whether each one's tensors come from the ring."""
        return [bool(rebuilt) for rebuilt in self.arena.rebuilt[self.rows]]

    def tensors(self) -> list[bytes]:
        """Each one's tensors as a record has them."""
        return [decode_state(record).slots[0][1] for record in self.arena.encode(self.rows)]


def load(run: StepRun, *user_ids: str) -> Loaded:
    """Load users of partition 0."""
    loader = StateLoader(run.runtime, run.artifact.vocabulary, run.store, capacity=10)
    loaded = loader.load([(0, user_id.encode()) for user_id in user_ids])
    unreadable = {(state.partition, state.user_key): state for state in loaded.unreadable}
    return Loaded(loaded.rows, unreadable, loader.arena)


def session_of(*at_ms: int, session_id: str = "s1", offset: int = 0) -> list[ClickEvent]:
    """One click a time, each on another item."""
    return [
        make_click(item_id=f"item-{offset + number:02}", at_ms=at, session_id=session_id, offset=offset + number)
        for number, at in enumerate(at_ms)
    ]


def test_a_user_without_a_record_has_no_state(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """Zeros to step from, and no click so far."""
    loaded = load(StepRun(tiny_artifact, runtime), "ann")
    assert loaded.clicks() == [0]
    assert loaded.arena.are_clear(loaded.rows)[0]


def test_each_user_is_loaded_once(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """Users of several clicks have one row, users of two partitions two; a hot user is not asked for again."""
    diary = Diary(RecordingWriter(), MemoryRows())
    loader = StateLoader(runtime, tiny_artifact.vocabulary, diary, capacity=10)
    ann, bob, other_ann = loader.load([(0, b"ann"), (0, b"bob"), (0, b"ann"), (1, b"ann")]).rows[[0, 1, 3]].tolist()
    assert len({ann, bob, other_ann}) == 3
    assert loader.load([(0, b"bob"), (0, b"ann"), (1, b"ann")]).rows.tolist() == [bob, ann, other_ann]
    assert diary.entries == ["load ann", "load bob", "load ann"]


def test_whoever_leaves_the_arena_is_read_again(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """The least recently used leaves first; his row is the next one's, and nothing of him is in it."""
    run = StepRun(tiny_artifact, runtime)
    run.step(session_of(0, 10))
    diary = Diary(RecordingWriter(), run.store)
    loader = StateLoader(runtime, tiny_artifact.vocabulary, diary, capacity=2)
    loader.load([(0, b"ann"), (0, b"bob"), (0, b"ann")])
    row = loader.load([(0, b"cat")]).rows
    assert loader.arena.head["clicks"][row].tolist() == [0]
    assert loader.arena.are_clear(row)[0]
    loader.load([(0, b"ann"), (0, b"bob")])
    assert diary.entries == ["load ann", "load bob", "load cat", "load bob"]
    assert loader.hot_users == 2
    loader.forget()
    loader.load([(0, b"bob")])
    assert diary.entries[-1] == "load bob"
    assert loader.hot_users == 1


def test_a_record_of_this_model_comes_back_as_it_was(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """Loading and saving without a click between changes no byte."""
    run = StepRun(tiny_artifact, runtime)
    run.step(session_of(0, 10, 20))
    loaded = load(run, "ann")
    assert loaded.rebuilt() == [False]
    assert loaded.arena.encode(loaded.rows) == [run.store.load(*ANN)]


@pytest.mark.parametrize(
    "at_ms",
    [(0,), (0, 1_000, 61_000), (0, 1_000, 2_000, 3_000, 4_000), (10_000, 2_000, 5_000, 12_000)],
    ids=["one click", "gaps", "a full ring", "late clicks"],
)
def test_another_models_slot_is_rebuilt_from_the_ring(
    featured_artifact: Artifact, featured_runtime: ModelRuntime, at_ms: tuple[int, ...]
) -> None:
    """Replaying the session that the ring remembers gives the state that its clicks had given."""
    run = StepRun(featured_artifact, featured_runtime)
    run.step(session_of(*at_ms))
    stepped = run.state_of("ann").slots[0][1]
    forget_model(run)
    loaded = load(run, "ann")
    assert loaded.rebuilt() == [True]
    assert loaded.tensors() == [stepped]


def test_only_the_present_session_is_rebuilt(featured_artifact: Artifact, featured_runtime: ModelRuntime) -> None:
    """What the ring remembers of an earlier session decides which clicks were late, and nothing else."""
    run = StepRun(featured_artifact, featured_runtime)
    # The new session begins late: its second click is late too, and only the third has a gap.
    run.step(session_of(50_000, 60_000) + session_of(10_000, 40_000, 65_000, session_id="s2", offset=2))
    stepped = run.state_of("ann").slots[0][1]
    forget_model(run)
    assert load(run, "ann").tensors() == [stepped]


def test_unknown_items_are_left_out_of_a_rebuilt_state(
    featured_artifact: Artifact, featured_runtime: ModelRuntime
) -> None:
    """An item that this model does not know still carries time: the next gap begins at it."""
    run = StepRun(featured_artifact, featured_runtime)
    run.step(
        [
            make_click(item_id="gone", at_ms=0, offset=0),
            make_click(item_id="item-01", at_ms=5_000, offset=1),
            make_click(item_id="gone", at_ms=9_000, offset=2),
            make_click(item_id="item-02", at_ms=10_000, offset=3),
        ]
    )
    stepped = run.state_of("ann").slots[0][1]
    forget_model(run)
    assert load(run, "ann").tensors() == [stepped]


def test_users_are_rebuilt_side_by_side_as_each_alone(
    featured_artifact: Artifact, featured_runtime: ModelRuntime
) -> None:
    """Rings of different lengths do not run into each other."""
    run = StepRun(featured_artifact, featured_runtime)
    clicks = {user: replace_user(session_of(*range(0, 1_000 * count, 1_000)), user) for user, count in COUNTS.items()}
    for user_clicks in clicks.values():
        run.step(user_clicks)
    stepped = {user: run.state_of(user).slots[0][1] for user in COUNTS}
    for user in ("ann", "bob", "dan"):
        forget_model(run, user)
    loaded = load(run, *COUNTS)
    assert dict(zip(COUNTS, loaded.rebuilt(), strict=True)) == {"ann": True, "bob": True, "cat": False, "dan": True}
    assert dict(zip(COUNTS, loaded.tensors(), strict=True)) == stepped


COUNTS = {"ann": 4, "bob": 1, "cat": 3, "dan": 5}


def replace_user(clicks: list[ClickEvent], user_id: str) -> list[ClickEvent]:
    """The same clicks by somebody else."""
    return [
        make_click(user_id, click.item_id, number * 1_000, offset=number, session_id="s1")
        for number, click in enumerate(clicks)
    ]


@pytest.mark.parametrize("record", [b"", b"\x02" * 60, b"\x01" * 60], ids=["empty", "newer version", "damaged"])
def test_an_unreadable_record_is_reported_and_its_user_starts_over(
    tiny_artifact: Artifact, runtime: ModelRuntime, record: bytes
) -> None:
    """One damaged record neither ends the worker nor harms the users beside it; its bytes are handed on."""
    run = StepRun(tiny_artifact, runtime)
    run.step(replace_user(session_of(0, 10), "bob"))
    run.store.install([StateRow(0, b"ann", record)], {})
    loaded = load(run, "ann", "bob")
    assert list(loaded.unreadable) == [ANN]
    assert "state record" in loaded.unreadable[ANN].detail
    assert loaded.unreadable[ANN].record == record
    assert loaded.clicks() == [0, 2]
    assert loaded.arena.are_clear(loaded.rows).tolist() == [True, False]
    assert loaded.tensors()[1] == run.state_of("bob").slots[0][1]


@pytest.mark.parametrize("size", [0, 1, 31, 33, 64])
def test_a_slot_of_the_wrong_size_is_unreadable(tiny_artifact: Artifact, runtime: ModelRuntime, size: int) -> None:
    """This model's id over another model's tensors is not a state to go on from."""
    run = StepRun(tiny_artifact, runtime)
    run.step(session_of(0))
    state = replace(run.state_of("ann"), slots=((tiny_artifact.manifest.model_id, b"\x3c" * size),))
    run.store.install([StateRow(0, b"ann", encode_state(state))], {})
    loaded = load(run, "ann")
    assert loaded.unreadable[ANN].detail == f"A slot holds {size} bytes of tensors, its model has 32."
    assert loaded.clicks() == [0]
    assert loaded.arena.are_clear(loaded.rows)[0]


def test_a_new_state_has_one_slot(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """The other model's tensors do not outlive the first click under this one."""
    run = StepRun(tiny_artifact, runtime)
    run.step(session_of(0))
    forget_model(run)
    run.step(session_of(10, offset=1))
    ((model_id, tensors),) = run.state_of("ann").slots
    assert model_id == tiny_artifact.manifest.model_id
    assert len(tensors) == 32
