from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.errors import SettingsError
from models.preparation.step_config import (
    Core,
    Duplicates,
    ImmediateRepeats,
    LongSessions,
    NormaliseValues,
    Sessions,
    SplitAt,
    Step,
    load_preparation_config,
)

SESSIONS, SPLIT = '[[steps]]\nstep = "sessions"\n', '[[steps]]\nstep = "split-share"\n'


def load(tmp_path: Path, text: str) -> tuple[Step, ...]:
    (tmp_path / "steps.toml").write_text(text, "utf-8")
    return load_preparation_config(tmp_path / "steps.toml").steps


def test_steps_are_taken_as_they_are_written(tmp_path: Path) -> None:
    """In their order, each with its own settings and with defaults for the others."""
    steps = load(
        tmp_path,
        """
        [[steps]]
        step = "duplicates"
        [[steps]]
        step = "sessions"
        by_id = false
        gap_ms = 60000
        [[steps]]
        step = "immediate-repeats"
        [[steps]]
        step = "core"
        min_item_clicks = 3
        [[steps]]
        step = "split-at"
        moment = 2024-05-01T00:00:00Z
        [[steps]]
        step = "long-sessions"
        max_clicks = 50
        [[steps]]
        step = "normalise-values"
        """,
    )
    assert steps == (
        Duplicates(),
        Sessions(by_id=False, gap_ms=60_000),
        ImmediateRepeats(),
        Core(min_item_clicks=3, min_session_clicks=5),
        SplitAt(datetime(2024, 5, 1, tzinfo=UTC)),
        LongSessions(max_clicks=50),
        NormaliseValues("standard"),
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (SESSIONS + SPLIT + "shares = 0.5\n", "unknown field `shares`"),
        (SESSIONS + '[[steps]]\nstep = "shuffle"\n' + SPLIT, "shuffle"),
        (SESSIONS + SPLIT + "share = 1.5\n", "< 1"),
        (SESSIONS, "there is no split"),
        (SPLIT, "split-share needs sessions"),
        (SESSIONS + SESSIONS + SPLIT, "sessions are assigned twice"),
        (SESSIONS + SPLIT + SPLIT, "split-share is a second split"),
        (SESSIONS + '[[steps]]\nstep = "unknown-items"\n' + SPLIT, "unknown-items needs a split"),
        (SESSIONS + '[[steps]]\nstep = "short-sessions"\npart = "test"\n' + SPLIT, "short-sessions needs a split"),
        (SESSIONS + SPLIT + '[[steps]]\nstep = "duplicates"\n', "duplicates must come before the split"),
        ("steps = 3", "Expected `array`"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    """The message names the file and what is wrong with it."""
    with pytest.raises(SettingsError, match=rf"steps.toml does not hold: .*{complaint}"):
        load(tmp_path, text)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A typing mistake in the name is no stack trace."""
    with pytest.raises(SettingsError, match=r"missing\.toml"):
        load_preparation_config(tmp_path / "missing.toml")
