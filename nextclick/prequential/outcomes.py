"""What became of every list: a row a click of a user who had one, and where in it the clicked item was."""

from collections.abc import Callable, Iterable

import polars as pl

from export.artifact import Artifact
from nextclick.recording.description import RecordingHead
from nextclick.recording.records import RecordedRecord
from nextclick.simulation.simulator import BATCH_RECORDS
from workers.settings import Settings

# Told how many records were read so far.
OnProgress = Callable[[int], None]

OUTCOME_SCHEMA = pl.Schema(
    [
        ("partition", pl.Int32()),
        ("offset", pl.Int64()),
        ("timestamp_ms", pl.Int64()),
        ("user_id", pl.String()),
        ("item_id", pl.String()),
        # Clicks applied to the user's state before this one.
        ("history_length", pl.Int64()),
        # Of the list that the user had.
        ("strategy", pl.String()),
        # 1-based place of the clicked item in that list; 0: it was not in it.
        ("rank", pl.Int32()),
        # The same in the popular list.
        ("popular_rank", pl.Int32()),
    ]
)


def score_recording(
    artifact: Artifact,
    settings: Settings,
    head: RecordingHead,
    records: Iterable[RecordedRecord],
    *,
    batch_records: int = BATCH_RECORDS,
    progress: OnProgress = lambda _records: None,
) -> pl.DataFrame:
    """Return one row per opportunity (a click of a user who had a list), in the order of the records.

    Args:
        artifact: The model.
        settings: The worker's; with `publish=per-click` the rows do not depend on `batch_records`.
        head: What the records are of.
        records: They, in order.
        batch_records: Size of the micro-batches.
        progress: Told of the records read.

    Raises:
        ArtifactError: If the artifact cannot be served.
        RecordingError: If the records are damaged.
    """
    raise NotImplementedError
