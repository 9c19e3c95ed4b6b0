import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from models.errors import DataError
from models.preparation.prepared_data import load_prepared_data
from nextclick.commands.data import data

RATINGS = "userId,movieId,rating,timestamp\n"
MOVIES = "movieId,title,genres\n1,Toy Story (1995),Animation|Comedy\n2,Jumanji (1995),Adventure\n"


def run(*arguments: str, expect: int = 0) -> str:
    result = CliRunner().invoke(data, arguments, catch_exceptions=False)
    assert result.exit_code == expect, result.output
    return result.stdout


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every command runs in a folder of its own, with no data set anywhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NEXTCLICK_DATA", raising=False)
    return tmp_path


@pytest.fixture
def movielens(tmp_path: Path) -> Path:
    """A folder of data sets with a MovieLens of three users who rate two movies, a minute apart."""
    folder = tmp_path / "own" / "movielens-latest-small"
    folder.mkdir(parents=True)
    ratings = [f"{1 + turn % 3},{1 + turn // 3 % 2},4.0,{1714521600 + 60 * turn}\n" for turn in range(30)]
    (folder / "ratings.csv").write_text(RATINGS + "".join(ratings), "utf-8")
    (folder / "movies.csv").write_text(MOVIES, "utf-8")
    return folder.parent


def test_list_says_what_is_here(movielens: Path) -> None:
    """A data set has its folder where it is here, and null where it is not."""
    rows = {row["name"]: row for row in json.loads(run("list", "--json", "--data-folder", str(movielens)))}
    assert {"movielens-100k", "movielens-latest-small", "eshop", "globo", "amazon-beauty"} <= rows.keys()
    assert rows["movielens-latest-small"]["folder"] == str(movielens / "movielens-latest-small")
    assert rows["movielens-100k"]["folder"] is None
    assert rows["movielens-100k"]["sources"] == ["package-index", "official"]
    assert "academic" in rows["globo"]["licence"]


def test_list_is_a_table_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are not cut off where a terminal is narrow, and what is not here says how to get it."""
    monkeypatch.setenv("COLUMNS", "60")
    assert "movielens-latest-small" in run("list")
    monkeypatch.setenv("COLUMNS", "200")
    table = run("list")
    assert "no: data fetch movielens-100k" in table
    assert "no: ask its owners" in table


def test_prepare_writes_the_data_and_reports_it(movielens: Path, tmp_path: Path) -> None:
    """The report for machines is on stdout, and what it counts is what was written."""
    report = json.loads(run("prepare", "movielens-latest-small", "--data-folder", str(movielens), "--json"))
    assert report["folder"] == "data/prepared/movielens-latest-small"
    prepared = load_prepared_data(tmp_path / report["folder"])
    assert report["train"] == {
        "users": 3,
        "sessions": 3,
        "items": 2,
        "clicks": 27,
        "first_timestamp_ms": 1714521600000,
        "last_timestamp_ms": 1714523160000,
    }
    assert (prepared.train.height, prepared.test.height) == (27, 3)
    assert [step["name"] for step in report["cleaning"]][-1] == "test: short sessions"
    assert prepared.catalogue is not None
    assert prepared.catalogue["title"].to_list() == ["Toy Story (1995)", "Jumanji (1995)"]


STEPS = """
[[steps]]
step = "sessions"
by_id = false
[[steps]]
step = "leave-last-out"
[[steps]]
step = "long-sessions"
max_clicks = 5
[[steps]]
step = "normalise-values"
method = "min-max"
"""


def test_prepare_by_configured_steps(movielens: Path, tmp_path: Path) -> None:
    """They stand in place of the data set's own, are reported one by one, and are kept with the data."""
    (tmp_path / "steps.toml").write_text(STEPS, "utf-8")
    arguments = ("prepare", "movielens-latest-small", "--data-folder", str(movielens), "--config", "steps.toml")
    report = json.loads(run(*arguments, "--json"))
    assert [(step["name"], step["dropped"], step.get("changed", 0)) for step in report["cleaning"]] == [
        ("sessions", 0, 30),
        ("train: long sessions", 12, 0),
        ("normalised values", 0, 18),
    ]
    prepared = load_prepared_data(tmp_path / report["folder"])
    assert prepared.train["value"].unique().to_list() == [0.0]
    assert prepared.description.protocol == "last-click"
    assert [type(step).__name__ for step in prepared.description.steps] == [
        "Sessions",
        "SplitLastOut",
        "LongSessions",
        "NormaliseValues",
    ]
    assert prepared.description.value_scale is not None
    assert prepared.description.value_scale.original(0.0) == 4.0
    assert "changed" in run(*arguments)
    run(*arguments, "--cut", "0.5", expect=2)


def test_prepare_prints_what_was_dropped_and_why(movielens: Path) -> None:
    """A person sees the steps, the counts of both parts, the cut and the folder."""
    printed = run(
        "prepare", "movielens-latest-small", "--data-folder", str(movielens), "--out", "ready", "--cut", "0.5"
    )
    assert "rare items" in printed
    assert "By time, at 2024-05-01 00:15:00 UTC" in printed
    assert "Written to ready." in printed


def test_prepare_own_log_with_its_own_names(tmp_path: Path) -> None:
    """One's own log needs no data set; malformed lines are in the report, brackets and all."""
    clicks = [f"ann,{item},{1714521600 + 60 * minute}" for minute, item in enumerate("ABABABABAB")]
    (tmp_path / "visits.csv").write_text("\n".join(["visitor,sku,time", *clicks, "bob,[A],noon"]), "utf-8")
    arguments = ("prepare", "--log", "visits.csv", "--columns", "user=visitor,item=sku,timestamp=time")
    printed = run(*arguments, "--timestamp-unit", "seconds", "--sessions", "never", "--min-item-clicks", "2")
    assert "[A]" in printed
    prepared = load_prepared_data(Path("data/prepared/visits"))
    assert (prepared.train.height, prepared.test.height) == (9, 1)
    assert prepared.description.session_rule.by_id is False


SHOP_CLICKS = "user_id,item_id,timestamp_ms\n" + "".join(
    f"u{user},{item:03},{1714521600000 + 60_000 * (10 * user + place)}\n"
    for user in range(12)
    for place, item in enumerate((1, 2, 3, 1, 2))
)


@pytest.mark.parametrize("where", ["--in-memory", "--on-disk"])
def test_prepare_own_log_with_its_catalogue(where: str, tmp_path: Path) -> None:
    """Titles enter by the shop's own file, ids as the log spells them; it is said what fits of it."""
    (tmp_path / "shop.csv").write_text(SHOP_CLICKS, "utf-8")
    pl.read_csv("shop.csv", schema_overrides={"item_id": pl.String}).write_parquet("shop.parquet")
    (tmp_path / "items.csv").write_text("item_id,title\n001,Red shoe\n002,Hat\n004,Coat\n001,Red shoe\n", "utf-8")
    arguments = ("--sessions", "never", "--catalogue", "items.csv", where, "--json")
    report = json.loads(run("prepare", "--log", "shop.parquet", *arguments))
    assert report["catalogue"] == {"items": 3, "without_clicks": 1, "not_described": 1}
    prepared = load_prepared_data(Path(report["folder"]))
    assert prepared.catalogue is not None
    assert prepared.catalogue.rows() == [("001", "Red shoe"), ("002", "Hat"), ("004", "Coat")]


def test_data_prepared_again_without_a_catalogue_has_none(tmp_path: Path) -> None:
    """What an earlier log's items were called says nothing of this one's."""
    (tmp_path / "shop.csv").write_text(SHOP_CLICKS, "utf-8")
    (tmp_path / "items.jsonl").write_text('{"item_id": "001", "title": "Shoe"}\n', "utf-8")
    arguments = ("prepare", "--log", "shop.csv", "--sessions", "never")
    run(*arguments, "--catalogue", "items.jsonl")
    run(*arguments)
    assert load_prepared_data(Path("data/prepared/shop")).catalogue is None


def test_a_catalogue_goes_with_ones_own_log(movielens: Path) -> None:
    """A public data set has its own."""
    run("prepare", "movielens-latest-small", "--data-folder", str(movielens), "--catalogue", "items.csv", expect=2)


def test_generated_log_is_prepared_on_disk_as_in_memory() -> None:
    """A folder of Parquet files is a log; the report and the files are the same either way."""
    generated = json.loads(run("generate", "--clicks", "2000", "--users", "50", "--out", "made", "--json"))
    assert generated == {"clicks": 2000, "files": 1, "folder": "made"}
    reports = {}
    for place in ("disk", "memory"):
        where = "--on-disk" if place == "disk" else "--in-memory"
        reports[place] = json.loads(run("prepare", "--log", "made", where, "--out", place, "--json")) | {"folder": ""}
        assert load_prepared_data(Path(place)).description.name == "made"
    assert reports["disk"] == reports["memory"]
    assert Path("disk/train.parquet").read_bytes() == Path("memory/train.parquet").read_bytes()


def test_news_are_made_up_and_prepared() -> None:
    """Where `data prepare synthetic-news` looks for them, in the size that was asked for."""
    run("make-news", "--articles", "100", "--readers", "20", "--sessions", "150", "--days", "5")
    report = json.loads(run("prepare", "synthetic-news", "--json"))
    assert report["train"]["users"] <= 20
    prepared = load_prepared_data(Path(report["folder"]))
    assert prepared.catalogue is not None
    assert prepared.catalogue.height == 100


def test_prepare_split_takes_a_pair_of_files_as_it_stands(tmp_path: Path) -> None:
    """Lone clicks and unknown items stay."""
    (tmp_path / "train.txt").write_text("SessionId\tItemId\tTime\n1\tA\t1396861020.277\n", "utf-8")
    (tmp_path / "test.txt").write_text("SessionId\tItemId\tTime\n2\tX\t1396861021.5\n", "utf-8")
    report = json.loads(run("prepare-split", "yoochoose", "train.txt", "test.txt", "--json"))
    assert (report["train"]["clicks"], report["test"]["clicks"], report["cleaning"]) == (1, 1, [])
    prepared = load_prepared_data(Path(report["folder"]))
    assert prepared.test.select("session_id", "item_id", "timestamp_ms").rows() == [("2", "X", 1396861021500)]


@pytest.mark.parametrize("arguments", [("prepare",), ("prepare", "eshop", "--log", "clicks.csv")])
def test_prepare_needs_a_name_or_a_log(arguments: tuple[str, ...]) -> None:
    """Neither and both are mistakes of the command line."""
    run(*arguments, expect=2)


def test_unknown_data_set_is_an_error_that_names_the_known_ones() -> None:
    """A typing mistake is answered with the list."""
    with pytest.raises(DataError, match=r"no data set 'eshopp': choose one of movielens-100k, .*globo-clicks"):
        run("prepare", "eshopp")


def test_errors_are_one_line_and_exit_code_1(tmp_path: Path) -> None:
    """A data set that is not here ends the real command line with one clear line and no stack trace."""
    command = [sys.executable, "-m", "nextclick", "data", "prepare", "globo-clicks"]
    finished = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert finished.returncode == 1
    assert finished.stdout == ""
    assert finished.stderr.startswith("nextclick: The data set globo-clicks is not in data/globo-news-clicks")
    assert "Kaggle" in finished.stderr
    assert finished.stderr.count("\n") == 1
