import pytest

from models.items.item_counts import (
    cooccurrence_counts,
    item_popularity,
    nearby_counts,
    transition_counts,
)
from models.sequences.encoded_sessions import EncodedSessions
from tests.encoded import make_sessions


def test_popularity_counts_clicks_and_no_unknown_item() -> None:
    assert item_popularity(make_sessions([0, 2, 2], [-1, 2]), 4).tolist() == [1, 0, 3, 0]


def test_a_click_one_half_life_before_the_last_counts_half() -> None:
    """Item 0 was clicked twenty and ten seconds before the last click: a quarter and a half."""
    sessions = make_sessions([0, 0], [1], timestamp_ms=[0, 10_000, 20_000])
    assert item_popularity(sessions, 2, half_life_ms=10_000) == pytest.approx([0.75, 1.0])


def test_one_click_in_a_thousand_makes_none_of_the_others_older() -> None:
    """Item 0 was clicked in two lots, a half life apart; that item 1 was clicked days later changes nothing for it."""
    sessions = make_sessions([0] * 999 + [1], timestamp_ms=[0] * 500 + [10_000] * 499 + [1_000_000_000])
    assert item_popularity(sessions, 2, half_life_ms=10_000) == pytest.approx([250 + 499, 1.0])


def test_transitions_stay_within_a_session() -> None:
    """0 to 1 twice, 1 to 2 once; nothing leads from one session into the next, or over an unknown item."""
    counts = transition_counts(make_sessions([0, 1, 2], [0, 1], [2, -1, 0]), 3)
    assert counts.toarray().tolist() == [[0, 2, 0], [0, 0, 1], [0, 0, 0]]


def test_two_clicks_later_counts_half() -> None:
    counts = transition_counts(make_sessions([0, 1, 2], [2, -1, 0]), 3, reach=2)
    assert counts.toarray().tolist() == [[0, 1, 0.5], [0, 0, 1], [0.5, 0, 0]]


def test_a_transition_is_as_old_as_the_click_it_leads_to() -> None:
    sessions = make_sessions([0, 1], [1, 0], timestamp_ms=[0, 10_000, 19_000, 20_000])
    assert transition_counts(sessions, 2, half_life_ms=10_000).toarray().tolist() == [[0, 0.5], [1, 0]]


def test_cooccurrence_counts_sessions_and_not_clicks() -> None:
    """Item 1 twice in one session is once; the diagonal says how many sessions hold an item."""
    counts = cooccurrence_counts(make_sessions([0, 1, 1], [1, 2], [0]), 3)
    assert counts.toarray().tolist() == [[2, 1, 0], [1, 2, 1], [0, 1, 1]]


def test_a_session_is_as_old_as_its_last_click() -> None:
    sessions = make_sessions([0, 1], [2], timestamp_ms=[0, 10_000, 20_000])
    assert cooccurrence_counts(sessions, 3, half_life_ms=10_000).toarray().tolist() == [
        [0.5, 0.5, 0],
        [0.5, 0.5, 0],
        [0, 0, 1],
    ]


def test_nearby_counts_weigh_distance_and_direction() -> None:
    """0 to 1 by one step and 0 to 2 by two; backwards a quarter; the diagonal has the clicks, 1 twice in a row."""
    counts = nearby_counts(make_sessions([0, 1, 2], [1, 1]), 3, reach=2, backward_weight=0.25)
    assert counts.toarray().tolist() == [[1, 1, 0.5], [0.25, 3, 1], [0.125, 0.25, 1]]


def test_counts_of_many_pieces_are_those_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three sessions, each a piece of its own: sums go on, and what decays is seen from the end of the whole log."""
    sessions = make_sessions([0, 1], [0, 1, -1], [1, 0], timestamp_ms=[0, 10_000, 0, 20_000, 30_000, 30_000, 30_000])
    monkeypatch.setattr(EncodedSessions.pieces, "__defaults__", (2,))
    assert len(list(sessions.pieces())) == 3
    assert item_popularity(sessions, 2).tolist() == [3, 3]
    assert item_popularity(sessions, 2, half_life_ms=10_000).tolist() == [0.125 + 0.125 + 1, 0.25 + 0.5 + 1]
    assert transition_counts(sessions, 2).toarray().tolist() == [[0, 2], [1, 0]]
    assert transition_counts(sessions, 2, half_life_ms=10_000).toarray().tolist() == [[0, 0.75], [1, 0]]
    assert cooccurrence_counts(sessions, 2, half_life_ms=10_000).toarray().tolist() == [[2.25, 2.25], [2.25, 2.25]]


def test_no_clicks_are_no_counts() -> None:
    """An empty log has no last click to decay from."""
    sessions = make_sessions()
    assert item_popularity(sessions, 2, half_life_ms=1_000).tolist() == [0, 0]
    assert transition_counts(sessions, 2, half_life_ms=1_000).nnz == 0
    assert cooccurrence_counts(sessions, 2, half_life_ms=1_000).nnz == 0
