"""The same clicks twice: through the worker's pipeline without a broker, and through the offline evaluation."""

import json
from random import Random

import numpy as np
import polars as pl

from export.artifact import Artifact
from export.offline import lists_after_clicks
from export.runtime import ModelRuntime
from models.preparation.prepared_data import CLICK_SCHEMA
from tests.click_records import make_click
from tests.workers.click_runs import cut
from tests.workers.fakes import MemoryRows, RecordingWriter
from tests.workers.pipelines import lists_by_click, make_pipeline, run
from workers.events import ClickEvent

USERS = [f"user-{number}" for number in range(40)]
ITEMS = [*(f"item-{number:02}" for number in range(0, 30, 2)), "unknown-1", "unknown-2"]


def random_clicks(random: Random, count: int) -> list[ClickEvent]:
    """Clicks of forty users in the order of their offsets: some late, some on items that the model does not know."""
    return [
        make_click(
            random.choice(USERS),
            random.choice(ITEMS),
            offset * 5_000 + random.choice([0, 0, 0, -600_000, 7_200_000]),
            offset=offset,
            session_id=random.choice([None, None, "s1", "s2"]),
            event_type=random.choice([None, "view", "cart", "wish"]),
            value=random.choice([None, 0.5, 4.7]),
        )
        for offset in range(count)
    ]


def offline_lists(
    artifact: Artifact, clicks: list[ClickEvent], *, exclude_seen: bool
) -> dict[int, tuple[list[str], bytes]]:
    """Items and scores of each list by offset, as the offline evaluation makes them."""
    table = pl.DataFrame(
        [(one.user_id, one.session_id, one.item_id, one.timestamp_ms, one.event_type, one.value) for one in clicks],
        schema=CLICK_SCHEMA,
        orient="row",
    )
    lists = {}
    for block in lists_after_clicks(artifact, table, exclude_seen=exclude_seen):
        for row, offset in enumerate(block.click.tolist()):
            listed = np.isfinite(block.top_score[row])
            items = [artifact.vocabulary.item_id_of(index) for index in block.top_item[row][listed].tolist()]
            lists[offset] = ([str(item) for item in items], block.top_score[row][listed].tobytes())
    return lists


def online_lists(
    artifact: Artifact, clicks: list[ClickEvent], random: Random, *, exclude_seen: bool
) -> dict[int, tuple[list[str], bytes]]:
    """The same, read from what the pipeline publishes; micro-batches of any size, some delivered again."""
    broker = RecordingWriter()
    pipeline = make_pipeline(
        artifact, ModelRuntime(artifact), store=MemoryRows(), writer=broker, exclude_seen=exclude_seen
    )
    for batch in cut(clicks, random, most=70):
        run(pipeline, [click.record for click in batch])
        run(pipeline, [click.record for click in batch[-3:]])
    lists = {}
    for (_, offset), value in lists_by_click(broker).items():
        body = json.loads(value)
        lists[offset] = (body["items"], np.array(body["scores"], np.float32).tobytes())
    return lists
