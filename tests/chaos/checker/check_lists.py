"""What was published: every click answered, by the right list, in the user's order; every bad record set aside."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tests.chaos.checker.clicks import Place
from tests.chaos.checker.expectation import Expected, User
from tests.chaos.checker.model import CheckedModel
from tests.chaos.checker.records import TopicRecord
from tests.chaos.checker.verdict import Verdict, Violation, at

HEADER_PREFIX = "nextclick."
# A list of nobody in particular, where everyone's clicks are known.
_TRENDING = "trending"


def check_lists(
    lists: Sequence[TopicRecord], expected: Mapping[Place, Expected], model: CheckedModel, verdict: Verdict
) -> dict[Place, TopicRecord]:
    """Check the lists; return each click's first one."""
    first: dict[Place, TopicRecord] = {}
    by_counts: dict[tuple[Place, str], TopicRecord] = {}
    for record in lists:
        body = json.loads(record.value or b"{}")
        place = (body["source"]["partition"], body["source"]["offset"])
        if place not in expected:
            verdict.found(Violation.UNASKED, f"a list of {at(place)}, where no click is")
            continue
        verdict.counts["lists again"] += place in first
        first.setdefault(place, record)
        # Published again it may be ranked with newer counts, and is another list then.
        copy = by_counts.setdefault((place, json.dumps(body.get("counts"))), record)
        if record.value != copy.value:
            verdict.found(Violation.CHANGED_LIST, f"the list of {at(place)} differs from its first copy")
        elif copy is record:
            difference = _difference(record, body, expected[place], model)
            if difference:
                verdict.found(Violation.WRONG_LIST, f"the list of {at(place)}: {difference}")
    verdict.counts["lists"] = len(first)
    for place in sorted(expected.keys() - first.keys()):
        verdict.found(Violation.LOST, f"the click at {at(place)} has no list")
    _check_order(first, verdict)
    return first


def check_dead_letters(letters: Sequence[TopicRecord], others: Mapping[Place, TopicRecord], verdict: Verdict) -> None:
    """Check that each record that is no click was set aside as it was, with a reason."""
    answered: set[Place] = set()
    for letter in letters:
        headers = {name.removeprefix(HEADER_PREFIX): value for name, value in letter.headers}
        place = (int(headers["source.partition"] or b""), int(headers["source.offset"] or b""))
        original = others.get(place)
        if original is None:
            verdict.found(Violation.UNASKED, f"a dead letter of {at(place)}, where no bad record is")
            continue
        kept = letter.headers[: len(original.headers)]
        if (letter.key, letter.value, kept) != (original.key, original.value, original.headers):
            verdict.found(Violation.WRONG_DEAD_LETTER, f"the dead letter of {at(place)} is not the record")
        if not headers.get("reason"):
            verdict.found(Violation.WRONG_DEAD_LETTER, f"the dead letter of {at(place)} gives no reason")
        verdict.counts["dead letters again"] += place in answered
        answered.add(place)
    verdict.counts["dead letters"] = len(answered)
    for place in sorted(others.keys() - answered):
        verdict.found(Violation.LOST, f"the bad record at {at(place)} has no dead letter")


def _difference(record: TopicRecord, body: Mapping[str, Any], expected: Expected, model: CheckedModel) -> str:
    """Say in what a list is not what it should be; nothing where it is."""
    click = expected.click
    should_be = {
        "user_id": click.user_id,
        "event_id": click.event_id,
        "model_id": model.model_id,
        "strategy": _TRENDING if expected.strategy == "popular" and "counts" in body else expected.strategy,
    }
    differences = [name for name, value in should_be.items() if body[name] != value]
    differences += _ranking_differences(body, expected, model)
    if (record.partition, record.key) != (click.record.partition, click.user_id.encode()):
        differences.append("partition or key")
    return ", ".join(f"{name} differs" for name in differences)


def _ranking_differences(body: Mapping[str, Any], expected: Expected, model: CheckedModel) -> list[str]:
    """Name what differs of items and scores; with everyone's clicks in them only what must hold of every list."""
    scores = np.array(body["scores"], dtype=np.float32)
    if expected.ranked is None:
        items = body["items"]
        whole = len(items) == len(set(items)) == len(scores) == model.list_length
        right = whole and all(map(model.knows, items)) and bool((np.diff(scores) <= 0).all())
        return [] if right else ["items or scores"]
    found = [] if body["items"] == list(expected.ranked[0]) else ["items"]
    return found if np.array_equal(scores, expected.ranked[1]) else [*found, "scores"]


def _check_order(first: Mapping[Place, TopicRecord], verdict: Verdict) -> None:
    """Check that each user's lists first appear in the order of his clicks."""
    appeared: dict[User, list[tuple[int, int]]] = defaultdict(list)
    for (partition, offset), record in first.items():
        appeared[partition, record.key or b""].append((record.offset, offset))
    for (_, key), offsets in appeared.items():
        for (_, before), (_, after) in pairwise(sorted(offsets)):
            if after < before:
                verdict.found(Violation.OUT_OF_ORDER, f"{key!r}: the list of {after} comes after that of {before}")
