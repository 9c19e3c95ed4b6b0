import pytest

from models.preparation.click_parts import ClicksInMemory
from models.preparation.session_parts import assign_sessions_in_parts
from models.session_rule import SessionRule
from tests.click_tables import click_lines, make_clicks


@pytest.mark.parametrize(
    ("rule", "lines", "reason", "changed"),
    [
        (SessionRule(by_id=True), ["ann A 1 s", "bob B 2 t", "ann C 9000 u"], "3 sessions: one ends with its id", 0),
        (
            SessionRule(by_id=False, gap_ms=5000),
            ["ann A 1 ann:0", "bob B 2 bob:0", "ann C 9000 ann:1"],
            "3 sessions: one ends after 5 s without a click",
            3,
        ),
        (
            SessionRule(by_id=False),
            ["ann A 1 ann", "bob B 2 bob", "ann C 9000 ann"],
            "2 sessions: a user's whole history is one",
            3,
        ),
    ],
)
def test_assigning_sessions_is_reported(rule: SessionRule, lines: list[str], reason: str, changed: int) -> None:
    """How many there are, what ends one, and how many clicks have another id than the log gave them."""
    clicks = make_clicks("ann A 1 s", "bob B 2 t", "ann C 9000 u")
    assigned, step = assign_sessions_in_parts(ClicksInMemory.of_log(clicks), rule)
    assert [line for part in assigned for line in click_lines(part)] == lines
    assert (step.name, step.reason, step.changed, step.kept) == ("sessions", reason, changed, 3)
