import polars as pl

from models.preparation.cleaning import (
    EARLIEST_TIMESTAMP_MS,
    drop_duplicates,
    drop_immediate_repeats,
    drop_impossible_timestamps,
)
from models.preparation.prepared_data import CleaningStep
from tests.click_tables import MAY_2024_MS, click_lines, make_clicks
from workers.decoding import EARLIEST_TIMESTAMP_MS as EARLIEST_TIMESTAMP_OF_WORKERS

DAY_MS = 24 * 3600 * 1000


def test_clicks_of_impossible_times_are_dropped_by_reason() -> None:
    """Negative times, times in seconds and times in the future are told apart; a clock may be a day ahead."""
    clicks = make_clicks(
        "ann A -1",
        "ann B 1714521600",
        f"ann B {EARLIEST_TIMESTAMP_MS - 1}",
        f"ann C {EARLIEST_TIMESTAMP_MS}",
        f"ann C {MAY_2024_MS}",
        f"ann D {MAY_2024_MS + DAY_MS}",
        f"ann E {MAY_2024_MS + DAY_MS + 1}",
    )
    kept, steps = drop_impossible_timestamps(clicks, now_ms=MAY_2024_MS)
    assert kept["item_id"].to_list() == ["C", "C", "D"]
    assert [(step.dropped, step.kept) for step in steps] == [(1, 6), (2, 4), (1, 3)]
    assert "a count of seconds" in steps[1].reason


def test_training_and_workers_agree_on_what_is_a_count_of_seconds() -> None:
    """A click that a worker would refuse is not trained on."""
    assert EARLIEST_TIMESTAMP_MS == EARLIEST_TIMESTAMP_OF_WORKERS


def test_duplicates_are_equal_in_every_column() -> None:
    """The first of equal clicks stays, wherever the others are; the same item at another time is another click."""
    clicks = make_clicks("ann A 1", "bob A 1", "ann A 1", "ann A 2")
    kept, step = drop_duplicates(clicks)
    assert click_lines(kept) == ["ann A 1", "bob A 1", "ann A 2"]
    assert step == CleaningStep("duplicates", "the click equals an earlier one in every column", dropped=1, kept=3)


def test_clicks_of_different_events_are_no_duplicates() -> None:
    """A view and a purchase in the same millisecond are two clicks."""
    both = pl.concat([make_clicks("ann A 1", event_type="view"), make_clicks("ann A 1", event_type="purchase")])
    assert drop_duplicates(both)[0].height == 2


def test_immediate_repeats_leave_the_first_click() -> None:
    """Of one item several times in a row one click stays; coming back to it later, or in another session, is new."""
    clicks = make_clicks("ann A 1 s", "bob A 2 t", "ann A 3 s", "ann A 4 s", "ann B 5 s", "ann A 6 s", "ann A 7 u")
    kept, step = drop_immediate_repeats(clicks)
    assert click_lines(kept) == ["ann A 1 s", "bob A 2 t", "ann B 5 s", "ann A 6 s", "ann A 7 u"]
    assert (step.dropped, step.kept) == (2, 5)
