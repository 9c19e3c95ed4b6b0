"""Live counts online against offline, through a broker and two real workers."""

import json
from pathlib import Path
from random import Random

import polars as pl
import pytest
from typer.testing import CliRunner

from models.counts.recipe import CountsRecipe
from models.preparation.prepared_data import CLICK_SCHEMA, Description, PreparedData
from models.session_rule import SessionRule
from nextclick.cli import app
from tests.click_tables import MAY_2024_MS
from tests.factories import TINY_ITEM_IDS, make_tiny_artifact

pytestmark = [pytest.mark.broker, pytest.mark.slow]

# Counts that outweigh the untrained network; whoever clicked what everyone clicks clicks it again.
RECIPE = CountsRecipe(boost_length=16, strength=1_000.0, demoted_clicks=0)
SPEED = 200.0
# Most clicks are of the item of the ten minutes; the training clicks end among the test clicks.
TREND_MS, GAP_MS = 600_000, 1_000
TRAINING, TEST = range(900), range(800, 2_000)


def make_trends(numbers: range, user: str) -> pl.DataFrame:
    random = Random(11)
    rows = []
    for number in numbers:
        at_ms = number * GAP_MS
        trend = at_ms // TREND_MS * 7 % len(TINY_ITEM_IDS)
        item = TINY_ITEM_IDS[trend] if random.random() < 0.7 else random.choice([*TINY_ITEM_IDS, "unheard-of"])
        name = f"{user}-{number // 60}-{random.randrange(20)}"
        rows.append((name, name, item, MAY_2024_MS + at_ms, None, None))
    return pl.DataFrame(rows, schema=CLICK_SCHEMA, orient="row")


def test_online_is_offline_at_the_delay_that_was_observed(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The figures are close, and each list is, bit for bit, the one that the counts give which it names."""
    monkeypatch.chdir(tmp_path)
    make_tiny_artifact(Path("artifact"), session_rule=SessionRule(), counts=RECIPE)
    description = Description("trends", SessionRule(), "Made.", exclude_seen=False, cleaning=())
    PreparedData(description, make_trends(TRAINING, "a"), make_trends(TEST, "b"), None).save(Path("prepared/trends"))
    options = f"--prepared-folder prepared --speed {SPEED} --partitions 4 --warm-up 10m --bootstrap-servers {broker}"
    command = ["online-eval", "artifact", "--dataset", "trends", "--live", "--json", *options.split()]
    said = CliRunner().invoke(app, command, catch_exceptions=False)
    report = json.loads(said.stdout)
    assert said.exit_code == 0
    assert (report["warm_up_clicks"], report["paced_clicks"], report["clicks"]) == (600, 1_300, 1_200)
    assert sum(report["clicks_by_worker"]) == 1_900
    assert all(clicks > 300 for clicks in report["clicks_by_worker"])
    assert report["seconds"] > 1_199 * GAP_MS / 1_000 / SPEED
    assert report["identical_lists"] == 1_200
    assert report["pinned"] == report["online"]
    # What an untrained network lists first, or what was clicked long ago, is right once in thirty times.
    assert report["online"]["Recall@1"] > 0.35
    assert report["online"]["Recall@1"] == pytest.approx(report["offline"]["Recall@1"], abs=0.05)
    assert 0 < report["age"]["median_ms"] <= report["age"]["p90_ms"]
