import asyncio
import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from export.artifact import Artifact
from export.reference_lists import load_reference_lists
from models.errors import ArtifactError, SettingsError
from tests.click_records import make_click
from tests.workers.fakes import KeptOwnership, MemoryRows, RecordingWriter
from workers.assembly import build_pipeline, build_rekeyer, serve_model
from workers.item_bias import load_item_bias
from workers.preflight import TopicLayout
from workers.settings import Settings, load_settings

LAYOUT = TopicLayout(partitions=4, dead_letter_partitions=1)


def lists(settings: Settings, artifact: Artifact, *item_ids: str) -> list[list[str]]:
    """The lists after a user's clicks in one micro-batch."""
    broker = RecordingWriter()
    item_bias = load_item_bias(settings.item_bias_file, artifact.vocabulary)
    pipeline = build_pipeline(
        settings,
        artifact,
        model=serve_model(settings, artifact, item_bias),
        store=MemoryRows(),
        writer=broker,
        state_writer=broker,
        layout=LAYOUT,
    )
    clicks = [make_click(item_id=item_id, offset=offset) for offset, item_id in enumerate(item_ids)]
    asyncio.run(pipeline.process([click.record for click in clicks], KeptOwnership()))
    assert {record.topic for record in broker.written} == {"recommendations", "shop-user-state-changelog"}
    return [json.loads(record.value or b"")["items"] for record in broker.of_topic("recommendations")]


def make_settings(
    *, exclude_seen: bool | None = None, item_bias_file: Path | None = None, publish: str = "per-click"
) -> Settings:
    """Settings of the application `shop`."""
    return load_settings(app_id="shop", exclude_seen=exclude_seen, item_bias_file=item_bias_file, publish=publish)


@pytest.mark.parametrize(("setting", "excludes"), [(None, True), (True, True), (False, False)])
def test_the_seen_filter_is_the_artifacts_unless_a_setting_says_otherwise(
    float32_artifact: Artifact, setting: bool | None, excludes: bool
) -> None:
    """This artifact leaves seen items out; its lists hold 25 of 30 items, the best of them is clicked."""
    (best, *_), *_ = lists(make_settings(exclude_seen=False), float32_artifact, "item-04", "item-04")
    _, listed = lists(make_settings(exclude_seen=setting), float32_artifact, "item-04", best)
    assert (best not in listed) is excludes


def test_the_item_bias_is_read(tiny_artifact: Artifact, tmp_path: Path) -> None:
    """An unavailable item is in no list."""
    path = tmp_path / "bias.csv"
    (before,) = lists(make_settings(), tiny_artifact, "item-04")
    path.write_text(f"item_id,bias\n{before[0]},-inf\n", encoding="utf-8")
    (after,) = lists(make_settings(item_bias_file=path), tiny_artifact, "item-04")
    assert after[:9] == before[1:]
    path.write_text("item_id\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"bias\.csv"):
        lists(make_settings(item_bias_file=path), tiny_artifact, "item-04")


@pytest.mark.parametrize(("publish", "expected"), [("per-click", 3), ("per-batch", 1)])
def test_publishing_is_per_click_or_per_batch(tiny_artifact: Artifact, publish: str, expected: int) -> None:
    """The newest list is the same."""
    items = ("item-04", "item-05", "item-06")
    published = lists(make_settings(publish=publish), tiny_artifact, *items)
    assert len(published) == expected
    assert published[-1] == lists(make_settings(), tiny_artifact, *items)[-1]


def test_a_worker_does_not_start_where_its_lists_are_not_the_exported_ones(
    tiny_artifact: Artifact, tmp_path: Path
) -> None:
    """Arithmetic differs between CPUs: what the exporter measured is measured again here."""
    artifact = Artifact(Path(shutil.copytree(tiny_artifact.folder, tmp_path / "copied")), tiny_artifact.manifest)
    reference = load_reference_lists(artifact)
    rotated = np.roll(reference.top_item, 1, axis=0)
    dataclasses.replace(reference, top_item=rotated, last_score=reference.last_score + 10).save(artifact.reference_path)
    with pytest.raises(ArtifactError, match=r"of the exact top 10 on this machine"):
        lists(make_settings(), artifact, "item-04")


def test_the_rekeyer_writes_where_the_pipeline_reads() -> None:
    """Clicks without a key are accepted there, under the application's own topic."""
    broker = RecordingWriter()
    settings = load_settings(app_id="shop", rekey=True)
    rekeyer = build_rekeyer(settings, writer=broker, layout=LAYOUT)
    record = make_click().record._replace(key=None)
    assert asyncio.run(rekeyer.process([record])) == (1, {})
    assert [written.topic for written in broker.written] == [settings.source_topic] == ["shop-clicks-rekeyed"]
