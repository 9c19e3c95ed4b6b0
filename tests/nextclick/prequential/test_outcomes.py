"""Outcomes of a recording are those of the published lists, however its clicks are cut and wherever it stops."""

from collections.abc import Sequence

import polars as pl
import pytest

from export.artifact import Artifact
from nextclick.prequential.outcomes import OUTCOME_SCHEMA, Outcomes, score_recording
from nextclick.recording.records import RecordedRecord
from nextclick.simulation.simulator import Simulator
from tests.click_records import click_value
from tests.click_tables import MAY_2024_MS
from tests.nextclick.recording.made import make_head, make_recorded
from tests.nextclick.simulation.clicks import recorded_clicks
from tests.prequential_by_hand import score_by_hand
from workers.settings import Settings, load_settings

HEAD = make_head(recorded_at_ms=MAY_2024_MS + 400 * 86_400_000)
COLUMNS = [name for name in OUTCOME_SCHEMA if name != "timestamp_ms"]
# Four rows for forty users: everyone is read from the store again, and ranked again.
FORGETFUL = {"hot_users": 0, "max_batch_records": 1, "batches_in_flight": 1}


def settings_of(artifact: Artifact, **settings: object) -> Settings:
    """Return the worker's settings."""
    return load_settings(artifact=artifact.folder, **settings)


def by_hand(artifact: Artifact, records: Sequence[RecordedRecord], *, exclude_seen: bool = False) -> pl.DataFrame:
    """Score the lists that a simulation publishes in plain Python."""
    settings = settings_of(artifact, exclude_seen=exclude_seen)
    lists = [body for batch in Simulator(artifact, settings, HEAD).run(records) for body in batch.lists]
    clicks = [record.to_click_record(HEAD.topic) for record in records]
    rows = [one._asdict() for one in score_by_hand(artifact, clicks, lists, exclude_seen=exclude_seen)]
    return pl.DataFrame(rows, schema={name: OUTCOME_SCHEMA[name] for name in COLUMNS})


@pytest.mark.parametrize(
    ("batch_records", "settings"),
    [(1, {}), (1, FORGETFUL), (7, FORGETFUL), (7, {}), (600, {}), (8_192, {})],
    ids=["1", "1 forgetful", "7 forgetful", "7", "all", "more than all"],
)
@pytest.mark.parametrize("exclude_seen", [False, True])
def test_outcomes_are_those_of_the_published_lists(
    tiny_artifact: Artifact, batch_records: int, settings: dict[str, object], *, exclude_seen: bool
) -> None:
    """For any micro-batch, whether users are remembered or ranked again, in the order of the records."""
    records = recorded_clicks()
    outcomes = score_recording(
        tiny_artifact,
        settings_of(tiny_artifact, exclude_seen=exclude_seen, **settings),
        HEAD,
        records,
        batch_records=batch_records,
    )
    assert outcomes.schema == OUTCOME_SCHEMA
    assert outcomes.select(COLUMNS).equals(by_hand(tiny_artifact, records, exclude_seen=exclude_seen))
    assert 450 < len(outcomes) < 560
    assert 50 < (outcomes["rank"] > 0).sum() < 400
    assert set(outcomes["strategy"]) == {"personal", "popular"}


def test_a_restart_changes_no_outcome(tiny_artifact: Artifact) -> None:
    """A new pipeline goes on from the states that are saved: no list is in its memory, and none is missed."""
    records, settings = recorded_clicks(), settings_of(tiny_artifact)
    whole = score_recording(tiny_artifact, settings, HEAD, records)
    outcomes, states = Outcomes(), None
    for part in (records[:150], records[150:151], records[151:]):
        simulator = Simulator(tiny_artifact, settings, HEAD, batch_records=50, prequential=True)
        simulator._states._records.update(states or {})
        for batch in simulator.run(part):
            outcomes.add(batch)
        states = simulator._states._records
    assert outcomes.frame().equals(whole)


def test_per_batch_only_lists_of_the_batches_before_count(tiny_artifact: Artifact) -> None:
    """Of one click a micro-batch it is the same; of all clicks at once nobody had a list before."""
    records, settings = recorded_clicks(), settings_of(tiny_artifact, publish="per-batch")
    one_by_one = score_recording(tiny_artifact, settings, HEAD, records, batch_records=1)
    assert one_by_one.select(COLUMNS).equals(by_hand(tiny_artifact, records))
    assert score_recording(tiny_artifact, settings, HEAD, records, batch_records=600).is_empty()
    some = score_recording(tiny_artifact, settings, HEAD, records, batch_records=100)
    assert 0 < len(some) < len(one_by_one)


def test_an_outcome_says_which_click_it_is_of(tiny_artifact: Artifact) -> None:
    """Event time, not the record's; progress is told of every record."""
    records = [
        make_recorded(2, offset, offset - 1 if offset else None, key=b"ann", value=click_value(item_id=item_id))
        for offset, item_id in enumerate(["item-03", "item-05", "gone"])
    ]
    told: list[int] = []
    outcomes = score_recording(
        tiny_artifact, settings_of(tiny_artifact), HEAD, records, batch_records=2, progress=told.append
    )
    assert told == [2, 3]
    second, third = outcomes.to_dicts()
    assert (second["partition"], second["offset"], second["timestamp_ms"]) == (2, 1, MAY_2024_MS)
    assert (second["user_id"], second["item_id"], second["history_length"]) == ("ann", "item-05", 1)
    assert (third["rank"], third["popular_rank"], third["history_length"]) == (0, 0, 2)
    assert second["popular_rank"] == 6


def test_first_clicks_alone_have_no_outcome(tiny_artifact: Artifact) -> None:
    outcomes = score_recording(tiny_artifact, settings_of(tiny_artifact), HEAD, [make_recorded(value=click_value())])
    assert outcomes.is_empty()
    assert outcomes.schema == OUTCOME_SCHEMA
