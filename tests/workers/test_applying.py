from typing import NamedTuple, Protocol

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from export.artifact import Artifact
from export.offline import timeline_of
from models.sequences.vocabulary import hash_item_id
from models.session_rule import SessionRule
from tests.click_records import make_click
from tests.click_tables import MAY_2024_MS, make_clicks
from workers.applying import apply_clicks
from workers.click_columns import click_columns
from workers.events import ClickEvent
from workers.state_arena import StateArena
from workers.user_state import UserState, decode_state, hash_session_id, ring_entries

BY_ID = SessionRule(by_id=True)
BY_GAP = SessionRule(by_id=False, gap_ms=100)
BY_BOTH = SessionRule(by_id=True, gap_ms=100)
NEVER = SessionRule(by_id=False)


class AppliedClick(NamedTuple):
    """One click applied: the state after it, and what `Applied` says of it."""

    state: UserState
    gap_ms: int
    begins_session: bool
    late: bool


class Apply(Protocol):
    """Applies one user's clicks in their order."""

    def __call__(self, *clicks: ClickEvent, rule: SessionRule = BY_ID, ring_length: int = 5) -> list[AppliedClick]:
        """Return what became of each."""


@pytest.fixture(scope="session")
def apply_all(tiny_artifact: Artifact) -> Apply:
    """Clicks applied one a round, in a row between others."""

    def apply_them(*clicks: ClickEvent, rule: SessionRule = BY_ID, ring_length: int = 5) -> list[AppliedClick]:
        arena = StateArena(structs.replace(tiny_artifact.manifest, ring_length=ring_length), 3)
        row = np.array([1])
        applied = []
        for click in clicks:
            columns = click_columns([click], tiny_artifact.vocabulary)
            one = apply_clicks(arena, row, columns, session_rule=rule)
            state = decode_state(arena.encode(row)[0])
            applied.append(AppliedClick(state, int(one.gap_ms[0]), bool(one.begins_session[0]), bool(one.late[0])))
        assert not arena.head[[0, 2]]["clicks"].any()
        return applied

    return apply_them


def test_the_first_click_makes_a_state(apply_all: Apply, tiny_artifact: Artifact) -> None:
    """A user without state begins a session, and his state says which click it stands for."""
    (applied,) = apply_all(make_click(item_id="item-01", offset=41, partition=3, session_id="s1"))
    assert applied == AppliedClick(
        UserState(
            source_partition=3,
            last_offset=41,
            updated_at_ms=MAY_2024_MS,
            clicks=1,
            session_hash=hash_session_id("s1"),
            session_clicks=1,
            ring=hash_item_id("item-01").to_bytes(8, "little") + MAY_2024_MS.to_bytes(8, "little"),
            slots=((tiny_artifact.manifest.model_id, bytes(32)),),
        ),
        gap_ms=0,
        begins_session=True,
        late=False,
    )


@pytest.mark.parametrize(
    ("rule", "begins"),
    [(BY_ID, [1, 0, 1, 0]), (BY_GAP, [1, 0, 0, 1]), (BY_BOTH, [1, 0, 1, 1]), (NEVER, [1, 0, 0, 0])],
    ids=["by id", "by gap", "both", "neither"],
)
def test_sessions_begin_as_the_rule_says(apply_all: Apply, rule: SessionRule, begins: list[int]) -> None:
    """The third click names another session, the fourth comes more than the gap later."""
    applied = apply_all(
        make_click(at_ms=0, session_id="s1"),
        make_click(at_ms=100, session_id="s1"),
        make_click(at_ms=150, session_id="s2"),
        make_click(at_ms=251, session_id="s2"),
        rule=rule,
    )
    assert [one.begins_session for one in applied] == [bool(begin) for begin in begins]


def test_the_gap_is_0_where_a_session_begins(apply_all: Apply) -> None:
    """The idle time before a session is not a gap inside it."""
    applied = apply_all(make_click(at_ms=0), make_click(at_ms=100), make_click(at_ms=201), rule=BY_GAP)
    assert [one.gap_ms for one in applied] == [0, 100, 0]


def test_a_click_without_a_session_id_stays_in_the_session(apply_all: Apply) -> None:
    """Only a name can be another name, and the last one named is remembered."""
    applied = apply_all(make_click(session_id="s1"), make_click(), make_click(session_id="s1"), make_click())
    assert [one.begins_session for one in applied] == [True, False, False, False]
    assert {one.state.session_hash for one in applied} == {hash_session_id("s1")}


def test_the_first_id_after_none_begins_a_session(apply_all: Apply) -> None:
    """Until now there was no session of that name."""
    applied = apply_all(make_click(), make_click(session_id="s1"))
    assert applied[1].begins_session


def test_late_clicks_are_applied_with_a_gap_of_0(apply_all: Apply) -> None:
    """Order is that of the offsets; time never goes back."""
    applied = apply_all(make_click(at_ms=100), make_click(at_ms=40), make_click(at_ms=130), rule=BY_GAP)
    assert [one.late for one in applied] == [False, True, False]
    assert [one.gap_ms for one in applied] == [0, 0, 30]
    assert [one.state.updated_at_ms - MAY_2024_MS for one in applied] == [100, 100, 130]


def test_a_late_click_of_another_session_begins_it(apply_all: Apply) -> None:
    """A session id is believed whatever the clock says."""
    applied = apply_all(make_click(at_ms=100, session_id="s1"), make_click(at_ms=40, session_id="s2"))
    assert applied[1].late
    assert applied[1].begins_session


def test_clicks_are_counted_ever_and_in_the_session(apply_all: Apply) -> None:
    """What is counted for good and what starts over."""
    applied = apply_all(*(make_click(session_id=session_id) for session_id in ("s1", "s1", "s2", "s2", "s2")))
    assert [one.state.clicks for one in applied] == [1, 2, 3, 4, 5]
    assert [one.state.session_clicks for one in applied] == [1, 2, 1, 2, 3]


def test_the_ring_goes_on_over_sessions(apply_all: Apply) -> None:
    """It remembers the user's last R items, known to the model or not, with their times."""
    clicks = [make_click(item_id=f"item-{at}", at_ms=at, session_id=f"s{at}") for at in range(4)]
    ring = apply_all(*clicks, ring_length=3)[-1].state.ring
    assert ring_entries(ring) == [(hash_item_id(f"item-{at}"), MAY_2024_MS + at) for at in (1, 2, 3)]


def test_offset_0_is_a_click_like_any_other(apply_all: Apply) -> None:
    """The first record of a partition is applied too."""
    (applied,) = apply_all(make_click(offset=0))
    assert applied.state.last_offset == 0


@given(
    clicks=st.lists(st.tuples(st.integers(0, 400), st.sampled_from([None, "s1", "s2"])), min_size=1, max_size=12),
    rule=st.sampled_from([BY_ID, BY_GAP, BY_BOTH, NEVER]),
)
def test_the_offline_timeline_says_the_same(
    apply_all: Apply, clicks: list[tuple[int, str | None]], rule: SessionRule
) -> None:
    """Gaps and sessions of the worker are those of the offline evaluation, late clicks included."""
    applied = apply_all(*(make_click(at_ms=at, session_id=session) for at, session in clicks), rule=rule)
    lines = [f"ann item-04 {at} {session or ''}" for at, session in clicks]
    table = make_clicks(*lines, start_ms=MAY_2024_MS)
    assert table["session_id"].to_list() == [session for _, session in clicks]
    timeline = timeline_of(table, rule)
    assert [one.begins_session for one in applied] == timeline.begins_session.tolist()
    assert [one.gap_ms for one in applied] == timeline.gap_ms.tolist()
