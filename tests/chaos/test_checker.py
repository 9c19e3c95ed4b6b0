"""The checker against small topics with one mistake each."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from export.artifact import Artifact
from tests.chaos.checker.check import check
from tests.chaos.checker.check_states import LateWrites
from tests.chaos.checker.model import CheckedModel
from tests.chaos.checker.records import Observed, TopicRecord
from tests.chaos.checker.states import DecodedState, decode_state
from tests.chaos.checker.verdict import Violation
from tests.chaos.topics_by_hand import again, encoded, make_topics, with_state, without


@pytest.fixture(scope="module")
def model(tiny_artifact: Artifact) -> CheckedModel:
    return CheckedModel(tiny_artifact.folder)


@pytest.fixture(scope="module")
def right(model: CheckedModel) -> Observed:
    """Topics without a mistake: ann at offsets 0, 2, 3, 5, bob at 1, 6, no click at 4."""
    return make_topics(model)


def state_at(observed: Observed, position: int) -> bytes:
    value = observed.states[position].value
    assert value is not None
    return value


def edited(record: TopicRecord, **changes: object) -> TopicRecord:
    """Change fields of a list's body."""
    return record._replace(value=json.dumps({**json.loads(record.value or b""), **changes}).encode())


def test_topics_without_a_mistake_pass(model: CheckedModel, right: Observed) -> None:
    verdict = check(right, model)
    assert verdict.violations == {}
    assert verdict.counts == {
        "clicks": 6,
        "lists": 6,
        "lists again": 0,
        "bad records": 1,
        "dead letters": 1,
        "dead letters again": 0,
        "users": 2,
        "states": 6,
        "states again": 0,
        "stale states": 0,
    }


def test_the_same_bytes_again_are_counted_and_pass(model: CheckedModel, right: Observed) -> None:
    """A list, a dead letter and the newest state, each written twice."""
    twice = replace(
        right, lists=again(right.lists, 2), dead_letters=again(right.dead_letters, 0), states=again(right.states, 5)
    )
    verdict = check(twice, model)
    assert verdict.holds
    assert [verdict.counts[name] for name in ("lists again", "dead letters again", "states again")] == [1, 1, 1]


def swapped(records: list[TopicRecord], one: int, other: int) -> list[TopicRecord]:
    """Swap the places of two records in their topic."""
    place, other_place = records[one], records[other]
    records[one] = other_place._replace(offset=place.offset)
    records[other] = place._replace(offset=other_place.offset)
    return records


Mistake = Callable[[Observed], Observed]

# ann's lists and states are at positions 0, 2, 3, 4, bob's at 1, 5.
MISTAKES: dict[str, tuple[Mistake, set[Violation]]] = {
    "a list is missing": (lambda o: replace(o, lists=without(o.lists, 2)), {Violation.LOST}),
    "a dead letter is missing": (lambda o: replace(o, dead_letters=[]), {Violation.LOST}),
    "a dead letter of a click": (
        lambda o: replace(
            o,
            dead_letters=[
                *o.dead_letters,
                o.dead_letters[0]._replace(
                    headers=(
                        ("nextclick.reason", b"x"),
                        ("nextclick.source.partition", b"0"),
                        ("nextclick.source.offset", b"3"),
                    )
                ),
            ],
        ),
        {Violation.UNASKED},
    ),
    "a dead letter without its bytes": (
        lambda o: replace(o, dead_letters=[o.dead_letters[0]._replace(value=b"")]),
        {Violation.WRONG_DEAD_LETTER},
    ),
    "a dead letter without its headers": (
        lambda o: replace(o, dead_letters=[o.dead_letters[0]._replace(headers=o.dead_letters[0].headers[1:])]),
        {Violation.WRONG_DEAD_LETTER},
    ),
    "a list of an offset that is no click": (
        lambda o: replace(o, lists=[*o.lists, edited(o.lists[0], source={"partition": 0, "offset": 4})]),
        {Violation.UNASKED},
    ),
    "a list published again with other scores": (
        lambda o: replace(o, lists=[*o.lists, edited(o.lists[0], scores=[0.0] * 10)._replace(offset=6)]),
        {Violation.CHANGED_LIST},
    ),
    "another score": (
        lambda o: replace(o, lists=[edited(o.lists[0], scores=[0.0] * 10), *o.lists[1:]]),
        {Violation.WRONG_LIST},
    ),
    "another user's key": (
        lambda o: replace(o, lists=[*o.lists[:5], o.lists[5]._replace(key=b"cat")]),
        {Violation.WRONG_LIST},
    ),
    "two lists of a user in the wrong order": (
        lambda o: replace(o, lists=swapped(list(o.lists), 2, 3)),
        {Violation.OUT_OF_ORDER},
    ),
    "a click counted twice": (
        lambda o: with_state(o, 4, replace(decode_state(state_at(o, 4)), clicks=5)),
        {Violation.WRONG_STATE},
    ),
    "an item twice in the ring": (
        lambda o: with_state(o, 2, _ring_repeated(decode_state(state_at(o, 2)))),
        {Violation.WRONG_STATE},
    ),
    "tensors of a click earlier": (
        lambda o: with_state(o, 3, replace(decode_state(state_at(o, 3)), slots=decode_state(state_at(o, 2)).slots)),
        {Violation.WRONG_STATE},
    ),
    "a state of another user": (
        lambda o: replace(o, states=[*o.states[:5], o.states[5]._replace(value=state_at(o, 4))]),
        {Violation.WRONG_STATE, Violation.OLD_STATE},
    ),
    "a state cut short": (
        lambda o: replace(o, states=[o.states[0]._replace(value=state_at(o, 0)[:-1]), *o.states[1:]]),
        {Violation.WRONG_STATE},
    ),
    "the newest state was not saved": (lambda o: replace(o, states=without(o.states, 4)), {Violation.OLD_STATE}),
    "a state after a newer one": (
        lambda o: replace(o, states=again(o.states, 2)),
        {Violation.TOO_MANY_STALE_STATES},
    ),
    "a state written before its list": (
        lambda o: replace(o, states=[*o.states[:5], o.states[5]._replace(timestamp_ms=5_999)]),
        {Violation.STATE_BEFORE_LIST},
    ),
}


def _ring_repeated(state: DecodedState) -> DecodedState:
    return replace(state, ring=(*state.ring[:-1], state.ring[-2], state.ring[-1]))


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_found(model: CheckedModel, right: Observed, name: str) -> None:
    """And nothing else is: a checker that cries at everything proves as little."""
    put_in, violations = MISTAKES[name]
    verdict = check(put_in(right), model)
    assert set(verdict.violations) == violations


def test_a_late_write_is_counted_and_passes_where_it_can_be_explained(model: CheckedModel, right: Observed) -> None:
    """Shortly after a worker woke up, and no more of them than it had in its hands."""
    late = replace(right, states=again(right.states, 2))
    at_ms = late.states[-1].timestamp_ms
    verdict = check(late, model, late_writes=LateWrites([at_ms - 50], for_ms=100, states=1))
    assert verdict.holds
    assert verdict.counts["stale states"] == 1
    for unable in (
        LateWrites([at_ms - 150], for_ms=100, states=1),
        LateWrites([at_ms + 1], for_ms=100, states=1),
        LateWrites([at_ms - 50], for_ms=100, states=0),
    ):
        assert set(check(late, model, late_writes=unable).violations) == {Violation.TOO_MANY_STALE_STATES}


def test_each_worker_that_woke_up_explains_its_own_late_writes() -> None:
    late_writes = LateWrites([1_000, 2_000], for_ms=100, states=2)
    assert late_writes.unexplained([1_010, 1_020, 2_010, 2_020]) == 0
    assert late_writes.unexplained([1_010, 1_020, 1_030, 2_010]) == 1
    assert late_writes.unexplained([999, 1_101, 1_999, 2_101]) == 4
    assert late_writes.most == 4


def test_a_damaged_checksum_is_found(right: Observed) -> None:
    record = bytearray(state_at(right, 0))
    record[10] ^= 1
    with pytest.raises(ValueError, match="checksum"):
        decode_state(bytes(record))


def test_what_the_worker_encodes_is_decoded_field_by_field(right: Observed) -> None:
    """The user ann after her fourth click, the first one of her second session."""
    state = decode_state(state_at(right, 4))
    assert (state.source_partition, state.last_offset, state.clicks, state.session_clicks) == (0, 5, 4, 1)
    assert len(state.ring) == 4
    assert encoded(state) == state_at(right, 4)


def test_the_checker_shares_no_code_with_the_worker() -> None:
    """Importing it brings in nothing of ours."""
    code = """
import sys
import tests.chaos.checker.check
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"models", "export", "workers", "nextclick", "faust"}))
"""
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.split() == []
