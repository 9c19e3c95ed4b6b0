"""What became of every list: a row a click of a user who had one, and where in it the clicked item was."""

from collections.abc import Callable, Iterable

import numpy as np
import polars as pl

from export.artifact import Artifact
from nextclick.recording.description import RecordingHead
from nextclick.recording.records import RecordedRecord
from nextclick.simulation.simulator import BATCH_RECORDS, SimulatedBatch, Simulator
from nextclick.simulation.snapshots import Snapshots
from workers.settings import Settings
from workers.stepping import STRATEGIES

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
    snapshots: Snapshots | None = None,
    progress: OnProgress = lambda _records: None,
) -> pl.DataFrame:
    """Return one row per opportunity (a click of a user who had a list), in the order of the simulation.

    Args:
        artifact: The model.
        settings: The worker's; with `publish=per-click` the rows do not depend on `batch_records`.
        head: What the records are of.
        records: They, in order.
        batch_records: Size of the micro-batches.
        snapshots: Which counts of everyone's clicks lists are ranked with; None: with none.
        progress: Told of the records read.

    Raises:
        ArtifactError: If the artifact cannot be served.
        RecordingError: If the records are damaged.
    """
    simulator = Simulator(artifact, settings, head, batch_records=batch_records, prequential=True, snapshots=snapshots)
    outcomes = Outcomes()
    read = 0
    for batch in simulator.run(records):
        outcomes.add(batch)
        read += batch.report.records
        progress(read)
    return outcomes.frame()


class Outcomes:
    """The outcomes of a simulation, micro-batch by micro-batch."""

    def __init__(self) -> None:
        self._frames = [OUTCOME_SCHEMA.to_frame()]

    def add(self, batch: SimulatedBatch) -> None:
        """Take a micro-batch's."""
        scored = batch.report.scored
        if scored is None or not len(scored):
            return
        clicks = [batch.clicks[position] for position in scored.position.tolist()]
        columns = {
            "partition": [click.record.partition for click in clicks],
            "offset": [click.record.offset for click in clicks],
            "timestamp_ms": [click.timestamp_ms for click in clicks],
            "user_id": [click.user_id for click in clicks],
            "item_id": [click.item_id for click in clicks],
            "history_length": scored.history_length,
            "strategy": [STRATEGIES[code].value for code in scored.strategy.tolist()],
            "rank": scored.rank.astype(np.int32),
            "popular_rank": scored.popular_rank.astype(np.int32),
        }
        self._frames.append(pl.DataFrame(columns, schema=OUTCOME_SCHEMA))

    def frame(self) -> pl.DataFrame:
        """Return those so far, in the order of the records."""
        return pl.concat(self._frames)
