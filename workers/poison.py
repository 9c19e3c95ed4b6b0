"""Finds the records of a micro-batch on which the model fails: they become dead letters, and the rest goes on."""

from collections.abc import Sequence

import structlog

from workers.computed_batch import ComputedBatch
from workers.events import ClickRecord
from workers.pipeline import Pipeline

log = structlog.get_logger("nextclick")

# More of one micro-batch than this, and it is not the records that are wrong.
MOST_POISON = 16


def compute_without_poison(pipeline: Pipeline, records: Sequence[ClickRecord], failure: Exception) -> ComputedBatch:
    """Compute a micro-batch on which the model failed, with the records that make it fail refused.

    Args:
        pipeline: No micro-batch of it may be in flight: every attempt begins with what is in the store.
        records: The micro-batch.
        failure: What the model raised.

    Raises:
        Exception: What the model raised, where it fails on any click, or on more than `MOST_POISON` of these.
    """
    pipeline.probe()
    refused: dict[int, str] = {}
    while True:
        pipeline.forget()
        try:
            return pipeline.compute(records, refused)
        except Exception as error:
            if len(refused) == MOST_POISON:
                raise
            failure = error
        position = _first_failing(pipeline, records, refused)
        if position is not None:
            refused[position] = repr(failure)
            poison = records[position]
            log.error(
                "The model fails on a record, it becomes a dead letter",
                partition=poison.partition,
                offset=poison.offset,
                reason=repr(failure),
            )


def _first_failing(pipeline: Pipeline, records: Sequence[ClickRecord], refused: dict[int, str]) -> int | None:
    """Return the record with which the model begins to fail; None where it does not any more."""
    fine, failing = 0, len(records) + 1
    while failing - fine > 1:
        count = (fine + failing) // 2
        if _fails(pipeline, records[:count], refused):
            failing = count
        else:
            fine = count
    return None if failing > len(records) else failing - 1


def _fails(pipeline: Pipeline, records: Sequence[ClickRecord], refused: dict[int, str]) -> bool:
    pipeline.forget()
    try:
        pipeline.compute(records, refused)
    except Exception:  # noqa: BLE001 - whatever a model raises
        return True
    return False
