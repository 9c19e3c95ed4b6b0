"""The checker against small topics of everyone's clicks with one mistake each."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from export.artifact import Artifact
from tests.chaos.checker.check import check
from tests.chaos.checker.check_states import LateWrites
from tests.chaos.checker.counts import Snapshot
from tests.chaos.checker.model import CheckedModel
from tests.chaos.checker.records import Observed, TopicRecord
from tests.chaos.checker.verdict import Violation
from tests.chaos.counts_by_hand import (
    EIGHT,
    FIRST_BUCKET,
    HUNG,
    NEWER,
    OF_EIGHT,
    OF_ONE,
    OLDER,
    ON_ITS_WAY,
    ONE,
    RECIPE,
    TOO_LATE,
    WELL,
    ByHand,
    counts_record,
    make_counted_topics,
    naming,
)
from tests.chaos.topics_by_hand import without


@pytest.fixture(scope="module")
def model(tiny_artifact: Artifact) -> CheckedModel:
    """A model with live counts; where clicks are counted the checker asks `rank.onnx` for nothing."""
    model = CheckedModel(tiny_artifact.folder)
    model.manifest["counts"] = RECIPE
    return model


@pytest.fixture(scope="module")
def right(model: CheckedModel) -> Observed:
    return make_counted_topics(model)


def test_counts_without_a_mistake_pass(model: CheckedModel, right: Observed) -> None:
    """Each click is what it was meant to be, and what the hung worker wrote in the end is left out."""
    verdict = check(right, model)
    assert verdict.violations == {}
    assert {name: verdict.counts[name] for name in verdict.counts if "count" in name or "share" in name} == {
        "clicks counted": 6,
        "clicks over their user's share": 1,
        "clicks counted as late": 1,
        "clicks counted as early": 1,
        "clicks not to be counted": 2,
        "records of counts": 8,
        "late records of counts": 1,
        "lists with live counts": 9,
        "lists of older counts": 0,
    }
    assert (verdict.counts["buckets"], verdict.counts["snapshots"]) == (3, 2)


def test_without_live_counts_nothing_is_counted(tiny_artifact: Artifact, right: Observed) -> None:
    """A topic that somebody else left is not looked at."""
    verdict = check(right, CheckedModel(tiny_artifact.folder))
    assert "buckets" not in verdict.counts
    assert set(verdict.violations) == {Violation.WRONG_LIST}


def of_one(observed: Observed, chunk: ByHand) -> Observed:
    """Say something else of bucket one."""
    return with_record(observed, counts_record(OF_ONE, 1, WELL, chunk))


def with_record(observed: Observed, record: TopicRecord) -> Observed:
    """Put another record at its offset, or at the end."""
    counts = list(observed.counts)
    counts[record.offset : record.offset + 1] = [record]
    return replace(observed, counts=counts)


def with_list(observed: Observed, position: int, snapshot: Snapshot | None) -> Observed:
    """Make a list name other counts."""
    lists = list(observed.lists)
    lists[position] = naming(lists[position], snapshot)
    return replace(observed, lists=lists)


def damaged(record: TopicRecord) -> TopicRecord:
    value = bytearray(record.value or b"")
    value[10] ^= 1
    return record._replace(value=bytes(value))


Mistake = Callable[[Observed], Observed]

MISTAKES: dict[str, tuple[Mistake, Violation]] = {
    "a click counted twice": (
        lambda o: of_one(o, replace(ONE, items={**ONE.items, "item-03": (2, 1)})),
        Violation.WRONG_COUNTS,
    ),
    "a user counted twice": (
        lambda o: of_one(o, replace(ONE, items={**ONE.items, "item-03": (1, 2)})),
        Violation.WRONG_COUNTS,
    ),
    "a click not counted": (
        lambda o: of_one(o, replace(ONE, items={**ONE.items, "item-04": (0, 0)})),
        Violation.WRONG_COUNTS,
    ),
    "a transition the wrong way round": (
        lambda o: of_one(o, replace(ONE, transitions=[("item-03", "item-01"), *ONE.transitions[1:]])),
        Violation.WRONG_COUNTS,
    ),
    "a transition not counted": (
        lambda o: of_one(o, replace(ONE, transitions=ONE.transitions[1:])),
        Violation.WRONG_COUNTS,
    ),
    "a co-occurrence not counted": (
        lambda o: of_one(o, replace(ONE, cooccurrences=ONE.cooccurrences[1:])),
        Violation.WRONG_COUNTS,
    ),
    "a co-occurrence of two users": (
        lambda o: of_one(o, replace(ONE, cooccurrences=[*ONE.cooccurrences, ("item-02", "item-03")])),
        Violation.WRONG_COUNTS,
    ),
    "a late click counted": (
        lambda o: of_one(o, replace(ONE, items={**ONE.items, "item-05": (2, 2)})),
        Violation.WRONG_COUNTS,
    ),
    "an early click counted": (
        lambda o: with_record(o, counts_record(OF_EIGHT + 1, 20, WELL, ByHand(9, {"item-01": (1, 1)}))),
        Violation.WRONG_COUNTS,
    ),
    "a click without consent counted": (
        lambda o: with_record(o, counts_record(OF_EIGHT, 8, WELL, ByHand(10, {**EIGHT.items, "item-02": (1, 1)}))),
        Violation.WRONG_COUNTS,
    ),
    "the newest record of a bucket lost": (
        lambda o: replace(o, counts=without(o.counts, OF_ONE)),
        Violation.WRONG_COUNTS,
    ),
    "a chunk counted again under another number": (
        lambda o: with_record(o, counts_record(OF_EIGHT + 1, 8, WELL, EIGHT, number=1)),
        Violation.WRONG_COUNTS,
    ),
    "what came too late in the epoch of the claim": (
        lambda o: with_record(o, counts_record(OF_EIGHT + 1, 1, WELL, ON_ITS_WAY)),
        Violation.WRONG_COUNTS,
    ),
    "a damaged record": (lambda o: with_record(o, damaged(o.counts[OF_EIGHT])), Violation.WRONG_COUNTS),
    "a key of something else": (
        lambda o: with_record(o, o.counts[OF_EIGHT]._replace(key=b"counts")),
        Violation.WRONG_COUNTS,
    ),
    "counts of an offset where no bucket begins": (
        lambda o: with_list(o, 10, NEWER._replace(offset=OF_EIGHT + 1)),
        Violation.WRONG_SNAPSHOT,
    ),
    "counts up to another bucket": (
        lambda o: with_list(o, 10, NEWER._replace(bucket=FIRST_BUCKET)),
        Violation.WRONG_SNAPSHOT,
    ),
    "counts up to a bucket of the hung worker's": (
        lambda o: with_list(o, 6, Snapshot(FIRST_BUCKET + 1, TOO_LATE)),
        Violation.WRONG_SNAPSHOT,
    ),
    "older counts than the list before it": (lambda o: with_list(o, 9, OLDER), Violation.OLD_SNAPSHOT),
    "no counts behind a list that had some": (lambda o: with_list(o, 9, None), Violation.OLD_SNAPSHOT),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_found(model: CheckedModel, right: Observed, name: str) -> None:
    """And nothing else is."""
    put_in, violation = MISTAKES[name]
    verdict = check(put_in(right), model)
    assert set(verdict.violations) == {violation}


SOUND: dict[str, Mistake] = {
    "the newest record of a bucket again": lambda o: with_record(o, counts_record(OF_EIGHT + 1, 8, WELL, EIGHT)),
    "what came too late wrong as well": lambda o: with_record(
        o, counts_record(TOO_LATE, 1, HUNG, ByHand(99, {"item-09": (7, 7)}))
    ),
    "the claim compacted away": lambda o: replace(o, counts=without(o.counts, 3)),
    "a co-occurrence the other way round": lambda o: of_one(
        o, replace(ONE, cooccurrences=[(other, one) for one, other in ONE.cooccurrences])
    ),
    "a list that waits for newer counts": lambda o: with_list(o, 6, OLDER),
}


@pytest.mark.parametrize("name", SOUND)
def test_what_is_no_mistake_passes(model: CheckedModel, right: Observed, name: str) -> None:
    """It says the same."""
    assert check(SOUND[name](right), model).violations == {}


def test_older_counts_pass_where_a_worker_that_woke_up_explains_them(model: CheckedModel, right: Observed) -> None:
    """Shortly after it woke up, and no more lists than it had in its hands."""
    late = with_list(right, 9, OLDER)
    at_ms = late.lists[9].timestamp_ms
    verdict = check(late, model, late_writes=LateWrites([at_ms - 50], for_ms=100, states=1))
    assert verdict.holds
    assert verdict.counts["lists of older counts"] == 1
    too_early = LateWrites([at_ms - 150], for_ms=100, states=1)
    assert set(check(late, model, late_writes=too_early).violations) == {Violation.OLD_SNAPSHOT}
