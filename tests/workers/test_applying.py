from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.offline import _timeline
from models.session_rule import SessionRule
from models.vocabulary import hash_item_id
from tests.click_records import make_click
from tests.click_tables import MAY_2024_MS, make_clicks
from workers.applying import Applied, apply_click
from workers.events import ClickEvent
from workers.user_state import UserState, hash_session_id, ring_entries

BY_ID = SessionRule(by_id=True)
BY_GAP = SessionRule(by_id=False, gap_ms=100)
BY_BOTH = SessionRule(by_id=True, gap_ms=100)
NEVER = SessionRule(by_id=False)


def apply_all(*clicks: ClickEvent, rule: SessionRule = BY_ID, ring_length: int = 5) -> list[Applied]:
    """Apply one user's clicks in their order."""
    applied: list[Applied] = []
    for click in clicks:
        state = applied[-1].state if applied else None
        applied.append(apply_click(state, click, session_rule=rule, ring_length=ring_length))
    return applied


def test_the_first_click_makes_a_state() -> None:
    """A user without state begins a session, and his state says which click it stands for."""
    (applied,) = apply_all(make_click(item_id="item-01", offset=41, partition=3, session_id="s1"))
    assert applied == Applied(
        UserState(
            source_partition=3,
            last_offset=41,
            updated_at_ms=MAY_2024_MS,
            clicks=1,
            session_hash=hash_session_id("s1"),
            session_clicks=1,
            ring=hash_item_id("item-01").to_bytes(8, "little") + MAY_2024_MS.to_bytes(8, "little"),
            slots=(),
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
def test_sessions_begin_as_the_rule_says(rule: SessionRule, begins: list[int]) -> None:
    """The third click names another session, the fourth comes more than the gap later."""
    applied = apply_all(
        make_click(at_ms=0, session_id="s1"),
        make_click(at_ms=100, session_id="s1"),
        make_click(at_ms=150, session_id="s2"),
        make_click(at_ms=251, session_id="s2"),
        rule=rule,
    )
    assert [one.begins_session for one in applied] == [bool(begin) for begin in begins]


def test_the_gap_is_0_where_a_session_begins() -> None:
    """The idle time before a session is not a gap inside it."""
    applied = apply_all(make_click(at_ms=0), make_click(at_ms=100), make_click(at_ms=201), rule=BY_GAP)
    assert [one.gap_ms for one in applied] == [0, 100, 0]


def test_a_click_without_a_session_id_stays_in_the_session() -> None:
    """Only a name can be another name, and the last one named is remembered."""
    applied = apply_all(make_click(session_id="s1"), make_click(), make_click(session_id="s1"), make_click())
    assert [one.begins_session for one in applied] == [True, False, False, False]
    assert {one.state.session_hash for one in applied} == {hash_session_id("s1")}


def test_the_first_id_after_none_begins_a_session() -> None:
    """Until now there was no session of that name."""
    applied = apply_all(make_click(), make_click(session_id="s1"))
    assert applied[1].begins_session


def test_late_clicks_are_applied_with_a_gap_of_0() -> None:
    """Order is that of the offsets; time never goes back."""
    applied = apply_all(make_click(at_ms=100), make_click(at_ms=40), make_click(at_ms=130), rule=BY_GAP)
    assert [one.late for one in applied] == [False, True, False]
    assert [one.gap_ms for one in applied] == [0, 0, 30]
    assert [one.state.updated_at_ms - MAY_2024_MS for one in applied] == [100, 100, 130]


def test_a_late_click_of_another_session_begins_it() -> None:
    """A session id is believed whatever the clock says."""
    applied = apply_all(make_click(at_ms=100, session_id="s1"), make_click(at_ms=40, session_id="s2"))
    assert applied[1].late
    assert applied[1].begins_session


def test_clicks_are_counted_ever_and_in_the_session() -> None:
    """What is counted for good and what starts over."""
    applied = apply_all(*(make_click(session_id=session_id) for session_id in ("s1", "s1", "s2", "s2", "s2")))
    assert [one.state.clicks for one in applied] == [1, 2, 3, 4, 5]
    assert [one.state.session_clicks for one in applied] == [1, 2, 1, 2, 3]


def test_the_ring_goes_on_over_sessions() -> None:
    """It remembers the user's last R items, known to the model or not, with their times."""
    clicks = [make_click(item_id=f"item-{at}", at_ms=at, session_id=f"s{at}") for at in range(4)]
    ring = apply_all(*clicks, ring_length=3)[-1].state.ring
    assert ring_entries(ring) == [(hash_item_id(f"item-{at}"), MAY_2024_MS + at) for at in (1, 2, 3)]


def test_offset_0_is_a_click_like_any_other() -> None:
    """The first record of a partition is applied too."""
    (applied,) = apply_all(make_click(offset=0))
    assert applied.state.last_offset == 0


def test_slots_are_left_to_the_stepper() -> None:
    """The tensors change with the step, not with the click's book-keeping."""
    state = replace(apply_all(make_click())[0].state, slots=(("0123456789abcdef", b"tensors"),))
    applied = apply_click(state, make_click(session_id="s2"), session_rule=BY_ID, ring_length=5)
    assert applied.state.slots == state.slots


@given(
    clicks=st.lists(st.tuples(st.integers(0, 400), st.sampled_from([None, "s1", "s2"])), min_size=1, max_size=12),
    rule=st.sampled_from([BY_ID, BY_GAP, BY_BOTH, NEVER]),
)
def test_the_offline_timeline_says_the_same(clicks: list[tuple[int, str | None]], rule: SessionRule) -> None:
    """Gaps and sessions of the worker are those of the offline evaluation, late clicks included."""
    applied = apply_all(*(make_click(at_ms=at, session_id=session) for at, session in clicks), rule=rule)
    lines = [f"ann item-04 {at} {session or ''}" for at, session in clicks]
    table = make_clicks(*lines, start_ms=MAY_2024_MS)
    assert table["session_id"].to_list() == [session for _, session in clicks]
    timeline = _timeline(table, rule)
    assert [one.begins_session for one in applied] == timeline.begins_session.tolist()
    assert [one.gap_ms for one in applied] == timeline.gap_ms.tolist()
