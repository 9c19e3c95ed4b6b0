import numpy as np
import polars as pl
import pytest

from models.preparation.prepared_data import CLICK_SCHEMA
from models.sequences.encoded_sessions import encode_sessions, enumerate_predictions, last_items
from models.sequences.features import EventType, TimeGap
from models.sequences.vocabulary import ItemId, ItemVocabulary

ABC = ItemVocabulary([ItemId(item_id) for item_id in "abc"])


def make_clicks(*clicks: tuple[str, str, int], event_type: str | None = None) -> pl.DataFrame:
    """Clicks as (session, item, second)."""
    rows = [(session, session, item, second * 1000, event_type, None) for session, item, second in clicks]
    return pl.DataFrame(rows, schema=CLICK_SCHEMA, orient="row")


def test_sessions_lie_one_after_the_other_in_order_of_their_first_clicks() -> None:
    """Clicks that interleave on the clock are brought together; a session keeps its own order."""
    clicks = make_clicks(("s2", "a", 1), ("s1", "b", 2), ("s2", "c", 3), ("s1", "a", 4), ("s2", "b", 5))
    sessions = encode_sessions(clicks, ABC, ())
    assert sessions.session_ids == ("s2", "s1")
    assert sessions.first_click.tolist() == [0, 3, 5]
    assert sessions.item_index.tolist() == [0, 2, 1, 1, 0]
    assert sessions.timestamp_ms.tolist() == [1_000, 3_000, 5_000, 2_000, 4_000]
    assert sessions.lengths.tolist() == [3, 2]
    assert sessions.features.shape == (5, 0)


def test_an_item_that_the_vocabulary_does_not_hold_is_minus_one() -> None:
    """Unknown items stay in their places: positions count all clicks."""
    assert encode_sessions(make_clicks(("s", "a", 1), ("s", "x", 2)), ABC, ()).item_index.tolist() == [0, -1]


def test_features_are_those_of_the_stream() -> None:
    """A session's first click has a gap of 0; a gap is counted within the session, unknown items included."""
    clicks = make_clicks(("s", "a", 10), ("t", "a", 11), ("s", "x", 13), ("s", "c", 14), event_type="view")
    sessions = encode_sessions(clicks, ABC, (TimeGap(mean=0.0, std=1.0), EventType(("buy", "view"))))
    assert sessions.features[:, 0] == pytest.approx([0.0, np.log1p(3.0), np.log1p(1.0), 0.0])
    assert sessions.features[:, 1:].tolist() == [[0.0, 1.0]] * 4


def test_every_click_but_a_sessions_first_is_predicted() -> None:
    """In the order of sessions and positions; a session of one click has nothing to predict."""
    clicks = make_clicks(("s", "a", 1), ("s", "b", 2), ("lonely", "c", 3), ("t", "c", 4), ("t", "x", 5), ("t", "a", 6))
    predictions = enumerate_predictions(encode_sessions(clicks, ABC, ()))
    assert predictions.session.tolist() == [0, 2, 2]
    assert predictions.position.tolist() == [1, 1, 2]
    assert predictions.target_index.tolist() == [1, -1, 0]


def test_the_last_items_before_a_prediction_come_newest_first() -> None:
    """Padded where the session is younger than the ring, and never from the session before."""
    clicks = make_clicks(("s", "c", 1), ("s", "b", 2), ("t", "a", 3), ("t", "b", 4), ("t", "c", 5), ("t", "a", 6))
    sessions = encode_sessions(clicks, ABC, ())
    predictions = enumerate_predictions(sessions)
    assert last_items(sessions, predictions, np.array([3, 1]), 2).tolist() == [[2, 1], [0, -1]]
    assert last_items(sessions, predictions, np.array([0]), 0).shape == (1, 0)


def test_no_clicks_are_no_sessions() -> None:
    """An empty test period is for the evaluation to complain about."""
    sessions = encode_sessions(make_clicks(), ABC, ())
    assert len(sessions) == 0
    assert len(enumerate_predictions(sessions)) == 0


def test_history_is_stepped_through_and_not_predicted() -> None:
    """Of the sessions that go on only; one without history predicts all but its first click."""
    history = make_clicks(("s", "a", 1), ("left out", "b", 2), ("s", "b", 3), ("u", "c", 4))
    clicks = make_clicks(("s", "c", 5), ("t", "a", 6), ("t", "b", 7), ("u", "a", 8))
    sessions = encode_sessions(clicks, ABC, (), history=history)
    assert sessions.session_ids == ("s", "u", "t")
    assert sessions.item_index.tolist() == [0, 1, 2, 2, 0, 0, 1]
    predictions = enumerate_predictions(sessions)
    assert predictions.session.tolist() == [0, 1, 2]
    assert predictions.position.tolist() == [2, 1, 1]
    assert predictions.target_index.tolist() == [2, 0, 1]


def test_predictions_of_sessions_that_are_stepped_through_together() -> None:
    """An evaluator takes sessions in any order and finds what each has to predict."""
    clicks = make_clicks(("s", "a", 1), ("s", "b", 2), ("s", "c", 3), ("lonely", "c", 4), ("t", "c", 5), ("t", "a", 6))
    predictions = enumerate_predictions(encode_sessions(clicks, ABC, ()))
    row, prediction = predictions.within(np.array([2, 1, 0]))
    assert row.tolist() == [0, 2, 2]
    assert prediction.tolist() == [2, 0, 1]


def test_values_go_along_where_there_are_any() -> None:
    """A rating that is missing is no number; data without ratings has no column of them."""
    clicks = make_clicks(("s", "a", 1), ("s", "b", 2))
    assert encode_sessions(clicks, ABC, ()).value is None
    rated = clicks.with_columns(value=pl.Series([4.5, None]))
    value = encode_sessions(rated, ABC, ()).value
    assert value is not None
    assert value.dtype == np.float32
    assert np.array_equal(value, [4.5, np.nan], equal_nan=True)
