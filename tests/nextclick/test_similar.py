import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from typer.testing import CliRunner

from export.artifact import Artifact
from models.errors import CatalogueError, SettingsError
from models.preparation.prepared_data import Description, PreparedData
from models.session_rule import SessionRule
from nextclick.cli import app
from tests.factories import make_click_table, make_tiny_network


def run(*arguments: object) -> str:
    """Run `nextclick similar`; errors of ours come through."""
    command = ["similar", *(str(argument) for argument in arguments)]
    return CliRunner().invoke(app, command, catch_exceptions=False).stdout


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """Three users: a with b twice, a with c once among four of c's; d is never with a."""
    pairs = ["ab", "ab", "ac", "cd", "cd", "cd"]
    clicks = make_click_table([(f"u{number}", item) for number, pair in enumerate(pairs) for item in pair])
    catalogue = pl.DataFrame({"item_id": ["a", "b"], "title": ["Anchor", "Boat"], "category": ["sea", "sea"]})
    description = Description("made", SessionRule(), "by hand", exclude_seen=False, cleaning=())
    PreparedData(description, clicks, clicks, catalogue).save(tmp_path / "made")
    return tmp_path


def test_by_the_model_it_is_the_cosine_of_its_vectors(tiny_artifact: Artifact) -> None:
    """Numpy says the same; the item itself is left out."""
    found = json.loads(run("title of item-03", "--artifact", tiny_artifact.folder, "--top", 4, "--json"))
    with torch.no_grad():
        table = make_tiny_network().item_table.numpy()
    cosine = table @ table[3] / (np.linalg.norm(table, axis=1) * np.linalg.norm(table[3]))
    cosine[3] = -np.inf
    best = np.argsort(-cosine)[:4]
    assert found["item_id"] == "item-03"
    assert [one["item_id"] for one in found["items"]] == [f"item-{row:02}" for row in best]
    assert [one["similarity"] for one in found["items"]] == pytest.approx(cosine[best].tolist(), abs=1e-6)
    assert found["items"][0]["title"] == f"Title of item-{best[0]:02}"


def test_by_the_clicks_it_is_the_cosine_of_the_sessions(prepared: Path) -> None:
    """A is in three sessions: 2 / sqrt(3 * 2) with b, 1 / sqrt(3 * 4) with c, and d is no neighbour at all."""
    found = json.loads(run("anchor", "--dataset", "made", "--prepared-folder", prepared, "--json"))
    assert [(one["item_id"], one["title"]) for one in found["items"]] == [("b", "Boat"), ("c", None)]
    assert [one["similarity"] for one in found["items"]] == pytest.approx([2 / 6**0.5, 1 / 12**0.5])


def test_a_person_gets_a_table_of_titles(prepared: Path) -> None:
    printed = run("a", "--dataset", prepared / "made", "--top", 1)
    assert "Like Anchor, by the training sessions of made" in " ".join(printed.split())
    assert "Boat" in printed
    assert "0.816" in printed


def test_it_must_be_one_way_of_comparing(tiny_artifact: Artifact, prepared: Path) -> None:
    with pytest.raises(SettingsError, match="one of the two"):
        run("a")
    with pytest.raises(SettingsError, match="one of the two"):
        run("a", "--artifact", tiny_artifact.folder, "--dataset", prepared / "made")
    with pytest.raises(CatalogueError, match='No item is called "zebra"'):
        run("zebra", "--dataset", prepared / "made")
