"""The counts topic: every bucket what the clicks say, and every list ranked with counts that there were."""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise

from tests.chaos.checker.check_states import LateWrites
from tests.chaos.checker.clicks import Place
from tests.chaos.checker.counts import CLAIM, Snapshot, Sums, decode_key, published, snapshots, standing
from tests.chaos.checker.expectation import Expected
from tests.chaos.checker.model import CheckedModel
from tests.chaos.checker.records import Observed, TopicRecord
from tests.chaos.checker.recount import recounted
from tests.chaos.checker.verdict import Verdict, Violation

TABLES = ("clicks", "users", "transitions", "cooccurrences")


def check_counts(
    observed: Observed,
    expected: Mapping[Place, Expected],
    model: CheckedModel,
    verdict: Verdict,
    late_writes: LateWrites,
) -> None:
    """Check what everyone's clicks were counted to, where the model is served with live counts."""
    if model.counts is None:
        return
    try:
        records = standing(observed.counts, model.counts.bucket_ms)
        found = published(records)
    except ValueError as error:
        verdict.found(Violation.WRONG_COUNTS, str(error))
        return
    wanted = recounted(expected, model, model.counts, verdict.counts)
    verdict.counts["records of counts"] = len(observed.counts)
    verdict.counts["late records of counts"] = _late(observed.counts, model.counts.bucket_ms)
    verdict.counts["buckets"] = len({place[:2] for place in wanted.clicks})
    _compare(found, wanted, verdict)
    _check_snapshots(observed.lists, snapshots(records), verdict, late_writes)


def _late(records: Sequence[TopicRecord], bucket_ms: int) -> int:
    """Return how many records came behind the claim of a higher epoch."""
    claims = sum(decode_key(record.key).bucket == CLAIM for record in records)
    return len(records) - claims - len(standing(records, bucket_ms))


def _compare(found: Sums, wanted: Sums, verdict: Verdict) -> None:
    for table in TABLES:
        is_there, should_be = getattr(found, table), getattr(wanted, table)
        for place in sorted(is_there.keys() | should_be.keys()):
            if is_there[place] != should_be[place]:
                partition, bucket, *items = place
                verdict.found(
                    Violation.WRONG_COUNTS,
                    f"partition {partition}, bucket {bucket}: {table} of {items} are {is_there[place]}, not "
                    f"{should_be[place]}",
                )


def _check_snapshots(
    lists: Sequence[TopicRecord], there_are: set[Snapshot], verdict: Verdict, late_writes: LateWrites
) -> None:
    """Check that lists name snapshots that there were, and none an older one than the partition's list before it."""
    named: dict[int, list[tuple[int, TopicRecord]]] = {}
    for record in lists:
        counts = json.loads(record.value or b"{}").get("counts")
        snapshot = None if counts is None else Snapshot(counts["bucket"], counts["offset"])
        if snapshot is not None and snapshot not in there_are:
            verdict.found(Violation.WRONG_SNAPSHOT, f"list {record.offset} of partition {record.partition}: {snapshot}")
        verdict.counts["lists with live counts"] += snapshot is not None
        named.setdefault(record.partition, []).append((-1 if snapshot is None else snapshot.offset, record))
    stale_ms = [
        record.timestamp_ms
        for of_partition in named.values()
        for (before, _), (offset, record) in pairwise(sorted(of_partition, key=lambda one: one[1].offset))
        if offset < before
    ]
    verdict.counts["snapshots"] = len(there_are)
    verdict.counts["lists of older counts"] = len(stale_ms)
    unexplained = late_writes.unexplained(stale_ms)
    if unexplained:
        verdict.found(
            Violation.OLD_SNAPSHOT, f"{unexplained} of {len(stale_ms)} lists name older counts than the list before"
        )
