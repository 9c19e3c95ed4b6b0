import ast
from pathlib import Path

import msgspec
import polars as pl
import pytest

from models.preparation.prepared_data import Description, PreparedData
from models.session_rule import SessionRule
from nextclick.leaderboard import keys
from nextclick.leaderboard.keys import data_digest, source_digest
from tests.factories import make_click_table

PLAIN = "import models.b\n\ndef twice(x):\n    return 2 * x\n"


def digest_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **sources: str) -> str:
    """The digest of `models.a`, whose own and imported modules are these files."""
    for name, source in sources.items():
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
    monkeypatch.setattr(
        keys, "_source_of", lambda name: path if (path := tmp_path / f"{name.split('.')[-1]}.py").is_file() else None
    )
    return source_digest(["models.a"])


def test_only_what_the_code_does_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A comment, a docstring and a blank line change nothing; a factor does."""
    before = digest_of(monkeypatch, tmp_path, a=PLAIN, b="")
    talked_about = (
        '"""Doubles."""\nimport models.b  # for later\n\n\ndef twice(x):\n    """Twice."""\n    return 2 * x\n'
    )
    assert digest_of(monkeypatch, tmp_path, a=talked_about, b="") == before
    assert digest_of(monkeypatch, tmp_path, a=PLAIN.replace("2", "3"), b="") != before


def test_what_is_imported_counts_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = digest_of(monkeypatch, tmp_path, a=PLAIN, b="factor = 1")
    assert digest_of(monkeypatch, tmp_path, a=PLAIN, b="factor = 2") != before


def test_one_kind_of_model_does_not_depend_on_the_others() -> None:
    """The union of all kinds is left out; what ranks and counts is not."""
    imported = _reached("models.baselines.item_knn")
    assert "models.items.item_counts" in imported
    assert "models.baselines.session_knn" not in imported
    assert not [name for name in imported if name.endswith(".kinds")]


def test_how_serving_is_timed_counts_too() -> None:
    """It is a module of this package, unlike what learns and ranks."""
    assert {"nextclick.leaderboard.serving_cost", "export.runtime"} <= _reached("nextclick.leaderboard.serving_cost")


def _reached(root: str) -> set[str]:
    waiting, reached = [root], set[str]()
    while waiting:
        name = waiting.pop()
        path = keys._source_of(name)
        if path is not None and name not in reached and not name.endswith(keys._LISTS_OF_KINDS):
            reached.add(name)
            waiting += keys._imported(ast.parse(path.read_text(encoding="utf-8")))
    return reached


def make_data(*, exclude_seen: bool = False, catalogue: pl.DataFrame | None = None, last: str = "b") -> PreparedData:
    """A click to learn from and one to test on."""
    description = Description("made", SessionRule(), "by hand", exclude_seen, cleaning=())
    return PreparedData(description, make_click_table([("u", "a")]), make_click_table([("u", last)]), catalogue)


def test_data_is_its_clicks_its_description_and_its_catalogue() -> None:
    titles = pl.DataFrame({"item_id": ["a"], "title": ["A"]})
    digests = [
        data_digest(data)
        for data in (make_data(), make_data(exclude_seen=True), make_data(last="c"), make_data(catalogue=titles))
    ]
    assert len(set(digests)) == 4
    assert data_digest(make_data()) == digests[0]


def test_settings_are_told_apart() -> None:
    class Settings(msgspec.Struct):
        neighbours: int

    assert keys.digest(Settings(1), "x") == keys.digest(Settings(1), "x") != keys.digest(Settings(2), "x")
