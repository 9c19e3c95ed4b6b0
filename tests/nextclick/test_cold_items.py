import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from models.errors import DataError
from models.evaluation.holding_out import hold_items_out
from models.items.item_contents import ContentConfig
from models.networks.content_lstm import ContentLSTMConfig
from models.networks.text_encoder import TextConfig
from models.preparation.prepared_data import CLICK_SCHEMA, Description, PreparedData
from models.session_rule import SessionRule
from models.training.checkpoint import save_checkpoint
from models.training.cold_report import report_on_cold_items
from models.training.config import TrainingConfig, ValidationSection
from models.training.optimisers import Adam
from models.training.run import train
from nextclick.cli import app

COLOURS = ("red", "green", "blue", "grey")


def make_shop(seed: int = 0) -> PreparedData:
    """Two hundred items of four colours; whoever looks at a colour stays with it, two hundred times over."""
    random = np.random.default_rng(seed)
    rows = []
    for session in range(260):
        colour = random.integers(4)
        for click, item in enumerate(random.choice(50, 5, replace=False) * 4 + colour):
            at_ms = (session * 100 + click) * 60_000
            rows.append((f"user-{session}", f"s-{session}", f"item-{item}", at_ms, None, None))
    clicks = pl.DataFrame(rows, schema=CLICK_SCHEMA, orient="row")
    catalogue = pl.DataFrame(
        {
            "item_id": [f"item-{number}" for number in range(200)],
            "title": [f"{COLOURS[number % 4]} thing {number}" for number in range(200)],
            "category": ["thing"] * 200,
            "published_ms": [0] * 200,
        }
    )
    description = Description("shop", SessionRule(), "Cut.", exclude_seen=False, cleaning=())
    return PreparedData(description, clicks[:1000], clicks[1000:], catalogue)


def make_config() -> TrainingConfig:
    """A small network that reads titles."""
    return TrainingConfig(
        network=ContentLSTMConfig(
            embedding_size=8,
            hidden_size=16,
            output_dropout=0.0,
            content=ContentConfig(columns=("title",), min_word_count=2),
            text=TextConfig(token_size=8, hidden_size=8, pooling="mean"),
        ),
        optimiser=Adam(learning_rate=0.01),
        validation=ValidationSection(share=0.0),
        epochs=12,
    )


@pytest.mark.slow
def test_items_that_were_never_clicked_are_recommended_by_their_titles(tmp_path: Path) -> None:
    """A third is held out: among these the right colour's are listed, a quarter of them all, and four times chance."""
    data = hold_items_out(make_shop(), 0.5)
    checkpoint = train(data, make_config())
    report = report_on_cold_items(checkpoint, data, published="published_ms")
    assert report.among_cold["content_lstm"] > 3 * report.among_cold["chance"]
    assert report.among_cold["content_lstm"] > 2 * report.among_cold["live popularity"]
    save_checkpoint(tmp_path / "checkpoint", checkpoint)
    data.save(tmp_path / "shop")
    arguments = ["cold-items", str(tmp_path / "checkpoint"), "--dataset", str(tmp_path / "shop")]
    as_json = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert as_json["among_cold"]["content_lstm"] == pytest.approx(report.among_cold["content_lstm"])
    assert f"among {report.cold_items} cold" in CliRunner().invoke(app, arguments).stdout
    with pytest.raises(DataError, match="column title holds no milliseconds since 1970"):
        CliRunner().invoke(app, [*arguments, "--published", "title"], catch_exceptions=False)
    by_age = [*arguments, "--published", "published_ms", "--json"]
    from_disk, whole = (CliRunner().invoke(app, [*by_age, how]).stdout for how in ("--on-disk", "--in-memory"))
    assert json.loads(from_disk) == json.loads(whole)


def test_a_configuration_of_contents_is_read_from_toml() -> None:
    """With sections of its own for what is read and how."""
    from models.training.config import parse_training_config  # noqa: PLC0415

    text = '[network]\nkind = "content_lstm"\nuse_ids = true\n[network.content]\ncolumns = ["title"]\n'
    network = parse_training_config(f"{text}[network.text]\ncrop = 0.5\n".encode(), "here").network
    assert network == ContentLSTMConfig(
        content=ContentConfig(columns=("title",)), text=TextConfig(crop=0.5), use_ids=True
    )
