"""The check: every click answered, every answer right, every state right, nothing in the wrong order."""

from tests.chaos.checker.check_counts import check_counts
from tests.chaos.checker.check_lists import check_dead_letters, check_lists
from tests.chaos.checker.check_states import LateWrites, check_states
from tests.chaos.checker.clicks import decode_clicks
from tests.chaos.checker.expectation import expectations
from tests.chaos.checker.model import CheckedModel
from tests.chaos.checker.records import Observed
from tests.chaos.checker.verdict import Verdict

COUNTED = ("clicks", "lists", "lists again", "bad records", "dead letters", "dead letters again")
NO_LATE_WRITES = LateWrites()
COUNTED_STATES = ("users", "states", "states again", "stale states")


def check(observed: Observed, model: CheckedModel, *, late_writes: LateWrites = NO_LATE_WRITES) -> Verdict:
    """Hold the topics up against what the clicks ask for.

    Args:
        observed: The topics, once every click is processed; every click has its list (`publish=per-click`).
        model: The artifact that was served.
        late_writes: Which state records may come after a newer one of their user, and which lists after newer counts.

    Returns:
        Counts and violations.
    """
    verdict = Verdict()
    verdict.counts.update(dict.fromkeys((*COUNTED, *COUNTED_STATES), 0))
    clicks, others = decode_clicks(observed.clicks)
    verdict.counts["clicks"] = len(clicks)
    verdict.counts["bad records"] = len(others)
    expected = expectations(model, clicks)
    first_lists = check_lists(observed.lists, expected, model, verdict)
    check_dead_letters(observed.dead_letters, others, verdict)
    check_states(observed.states, expected, first_lists, verdict, late_writes)
    check_counts(observed, expected, model, verdict, late_writes)
    return verdict
