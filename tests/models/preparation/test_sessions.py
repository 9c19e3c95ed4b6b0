from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.artifact import Artifact
from models.preparation.prepared_data import CLICK_SCHEMA
from models.preparation.sessions import assign_sessions, session_gap_ms
from models.sequences.vocabulary import ItemId, UserId
from models.session_rule import SessionRule
from tests.click_tables import click_lines, make_clicks
from workers.applying import apply_clicks
from workers.click_columns import click_columns
from workers.events import ClickEvent, ClickRecord
from workers.state_arena import StateArena

BY_ID = SessionRule(by_id=True)
BY_GAP = SessionRule(by_id=False, gap_ms=100)
NEVER = SessionRule(by_id=False)


def test_clicks_are_put_in_order_of_time_and_equal_times_keep_theirs() -> None:
    """Sorting is stable: what the source wrote first stays first."""
    sessions = assign_sessions(make_clicks("ann A 2 s", "ann B 1 s", "ann C 2 s", "bob D 1 t"), BY_ID)
    assert click_lines(sessions) == ["ann B 1 s", "bob D 1 t", "ann A 2 s", "ann C 2 s"]


def test_session_ids_of_the_log_are_kept() -> None:
    """Ids that name the sessions as the stream sees them need no others."""
    lines = ["ann A 1 s", "bob B 2 t", "ann C 3 s", "ann D 4 u"]
    assert click_lines(assign_sessions(make_clicks(*lines), BY_ID)) == lines


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["ann A 1 s", "bob B 2 s"], ["ann:0", "bob:0"]),
        (["ann A 1 s", "ann B 2 t", "ann C 3 s"], ["ann:0", "ann:1", "ann:2"]),
        (["ann A 1", "ann B 2 s", "ann C 3", "ann D 4 s"], ["ann:0", "ann:1", "ann:1", "ann:1"]),
    ],
    ids=["shared by two users", "come back to", "partly missing"],
)
def test_ids_that_are_not_the_streams_sessions_are_replaced(lines: Sequence[str], expected: Sequence[str]) -> None:
    """Where the log's ids say something else than the rule, a user's sessions are numbered."""
    assert assign_sessions(make_clicks(*lines), BY_ID)["session_id"].to_list() == expected


def test_idle_gap_ends_a_session() -> None:
    """Only more than the gap does, each user has a gap of their own, and the log's ids say nothing."""
    sessions = assign_sessions(make_clicks("ann A 0 s", "bob B 90 s", "ann C 100 t", "ann D 201 t"), BY_GAP)
    assert click_lines(sessions) == ["ann A 0 ann:0", "bob B 90 bob:0", "ann C 100 ann:0", "ann D 201 ann:1"]


def test_history_that_never_ends_bears_the_users_id() -> None:
    """Without ids and gaps there is one session a user."""
    sessions = assign_sessions(make_clicks("ann A 0 s", "bob B 1 t", "ann C 1000000 u"), NEVER)
    assert click_lines(sessions) == ["ann A 0 ann", "bob B 1 bob", "ann C 1000000 ann"]


def click_by_click(
    artifact: Artifact, clicks: pl.DataFrame, rule: SessionRule
) -> tuple[list[tuple[str, int]], list[int]]:
    """Do what a worker does: return each click's user and session, counted from 0, and its gap."""
    arena = StateArena(artifact.manifest, 2)
    row_of: dict[str, int] = {}
    sessions: Counter[str] = Counter()
    numbers, gaps = [], []
    for offset, (user, session, item, timestamp_ms, *_) in enumerate(clicks.iter_rows()):
        record = ClickRecord("clicks", 0, offset, timestamp_ms, user.encode(), b"")
        click = ClickEvent(record, UserId(user), ItemId(item), timestamp_ms, session_id=session)
        row = np.array([row_of.setdefault(user, len(row_of))])
        applied = apply_clicks(arena, row, click_columns([click], artifact.vocabulary), session_rule=rule)
        sessions[user] += int(applied.begins_session[0])
        numbers.append((user, sessions[user] - 1))
        gaps.append(int(applied.gap_ms[0]))
    return numbers, gaps


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["ann", "bob"]),
            st.sampled_from(["s", "t", None]),
            st.just("A"),
            st.integers(0, 500),
            st.none(),
            st.none(),
        ),
        max_size=30,
    ),
    rule=st.builds(SessionRule, by_id=st.booleans(), gap_ms=st.none() | st.integers(0, 100)),
)
def test_sessions_and_gaps_of_a_log_are_those_that_a_worker_sees(
    tiny_artifact: Artifact, rows: list[tuple[str, str | None, str, int, None, None]], rule: SessionRule
) -> None:
    """Two clicks share a session id exactly if a worker leaves them in one session, and their gaps are the worker's."""
    clicks = pl.DataFrame(rows, schema=CLICK_SCHEMA, orient="row")
    offline = assign_sessions(clicks, rule)
    online, gaps = click_by_click(tiny_artifact, clicks.sort("timestamp_ms", maintain_order=True), rule)
    names = offline["session_id"].to_list()
    assert None not in names
    assert len(set(names)) == len(set(online)) == len(set(zip(names, online, strict=True)))
    assert offline.select(session_gap_ms()).to_series().to_list() == gaps
    assert assign_sessions(offline, rule).equals(offline)


def test_gap_is_the_time_since_the_sessions_previous_click() -> None:
    """A session's first click has no gap, whatever the user did before."""
    clicks = make_clicks("ann A 0 s", "bob B 10 t", "ann C 25 s", "ann D 99 u")
    assert clicks.select(session_gap_ms()).to_series().to_list() == [0, 0, 25, 0]
