"""Live counts fitted from the command line, until the artifact's manifest says what they are worth."""

import json
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
import torch
from typer.testing import CliRunner, Result

from export.artifact import load_artifact
from models.counts.fitting import CountsFit
from models.counts.recipe import CountsRecipe
from models.errors import DataError, SettingsError, TrainingInterrupted
from models.preparation.prepared_data import Description, PreparedData
from models.session_rule import SessionRule
from models.training.checkpoint import load_checkpoint
from models.training.config import LiveCountsSection
from nextclick.cli import app
from tests.factories import make_click_table
from tests.nextclick.small_network import SMALL_NETWORK

HOUR_MS = 3_600_000
NETWORK = f"epochs = 6\n{SMALL_NETWORK}"
FITTED = f"{NETWORK}[live_counts]\nfit = true\nquestions = 200\nvalidation_share = 0.25\n"


def make_table(sessions: list[list[int]], starts_ms: list[int]) -> pl.DataFrame:
    """Twenty seconds from click to click, a user a session."""
    rows = [
        (f"u{number}", f"item-{item:02}", start_ms + 20_000 * place)
        for number, (session, start_ms) in enumerate(zip(sessions, starts_ms, strict=True))
        for place, item in enumerate(session)
    ]
    return make_click_table(rows).sort("timestamp_ms", maintain_order=True)


def make_news(sessions: int = 600) -> pl.DataFrame:
    """Everyone goes from any item to that of the hour, another one every hour: no network can know it."""
    random = np.random.default_rng(0)
    hours = np.sort(random.uniform(0, 48, size=sessions))
    any_item = random.integers(24, size=sessions).tolist()
    of_the_hour = (hours.astype(np.int64) * 7 % 24).tolist()
    return make_table(
        [list(pair) for pair in zip(any_item, of_the_hour, strict=True)], (hours * HOUR_MS).astype(int).tolist()
    )


def make_circles(sessions: int = 200) -> pl.DataFrame:
    """Everyone goes from an item to the one after it: a network knows all there is to know."""
    walks = [[(number + step) % 24 for step in range(5)] for number in range(sessions)]
    return make_table(walks, [number * 1_000_000 for number in range(sessions)])


def save_data(name: str, clicks: pl.DataFrame) -> None:
    """Prepare a log, its last sessions as the test."""
    train, test = clicks.head(-20), clicks.tail(20)
    description = Description(name, SessionRule(), "by time", exclude_seen=False, cleaning=())
    PreparedData(description, train, test, None).save(Path(name))


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with `news` and `circles`, a configuration in `plain.toml`, and one that fits counts."""
    monkeypatch.chdir(tmp_path)
    save_data("news", make_news())
    save_data("circles", make_circles())
    Path("plain.toml").write_text(NETWORK, encoding="utf-8")
    Path("fitted.toml").write_text(FITTED, encoding="utf-8")
    return tmp_path


def run(*arguments: str) -> Result:
    """Run `nextclick`; errors of ours come through."""
    threads = torch.get_num_threads()
    try:
        return CliRunner().invoke(app, arguments, catch_exceptions=False)
    finally:
        torch.set_num_threads(threads)


def run_train(dataset: str, config: str, *arguments: str) -> Result:
    """Run `nextclick train` on one thread."""
    return run("train", "--dataset", dataset, "--config", config, "--threads", "1", *arguments)


def read_recipe(path: str) -> CountsRecipe:
    """Read what `nextclick export` put into a manifest."""
    counts = load_artifact(Path(path)).manifest.counts
    assert counts is not None
    return counts


@pytest.mark.slow
@pytest.mark.usefixtures("workplace")
def test_counts_that_help_are_fitted_and_exported() -> None:
    """A recipe in a file, taken by the export: rank.onnx takes boosts, and the figures say why."""
    run_train("news", "plain.toml", "--epochs", "1", "--validation-share", "0.25", "--no-evaluate")
    Path("start.json").write_text('{"clicks_per_user": 3, "trending_users": 1.5}', encoding="utf-8")
    fitted = run("fit-counts", "checkpoints/news", "--dataset", "news", "--start", "start.json", "--json")
    fit = json.loads(fitted.stdout)
    assert fit["without_counts"]["mrr"] < 0.4
    assert fit["with_counts"]["mrr"] > 0.7
    assert (fit["recipe"]["useless"], fit["questions"]) == (False, 148)
    assert json.loads(Path("counts.json").read_text(encoding="utf-8")) == fit["recipe"]

    run("export", "checkpoints/news", "--counts", "counts.json", "--out", "artifact")
    recipe = read_recipe("artifact")
    assert (recipe.useless, recipe.clicks_per_user, recipe.trending_users) == (False, 3, 1.5)
    assert load_artifact(Path("artifact")).manifest.boost_length == recipe.boost_length


@pytest.mark.usefixtures("workplace")
def test_useless_counts_are_said_to_be_useless_in_the_manifest() -> None:
    """The network knows the circle: with counts no list is better, and the artifact ranks without."""
    run_train("circles", "plain.toml", "--validation-share", "0.25", "--no-evaluate")
    said = run("fit-counts", "checkpoints/circles", "--dataset", "circles").stdout
    assert "Live counts: useless here: Recall@20 1.0000 without" in said
    run("export", "checkpoints/circles", "--counts", "counts.json", "--out", "artifact")
    assert read_recipe("artifact").useless
    assert load_artifact(Path("artifact")).manifest.boost_length == 0


@pytest.mark.slow
@pytest.mark.usefixtures("workplace")
def test_training_fits_counts_that_the_export_takes() -> None:
    """All is learned; another network, without the last quarter, judged them. The configuration is kept whole."""
    result = run_train("news", "fitted.toml", "--epochs", "1", "--json")
    assert "Live counts are fitted by a network without the last 25%." in result.stderr
    fit = json.loads(result.stdout)["live_counts"]
    assert fit["with_counts"]["mrr"] > 0.7
    assert fit["without_counts"]["mrr"] < 0.4
    assert json.loads(result.stdout)["epochs"][0]["validation"] is None

    description = load_checkpoint(Path("checkpoints/news")).description
    assert description.config.live_counts == LiveCountsSection(fit=True, questions=200, validation_share=0.25)
    assert description.training_data.clicks == 1_180
    assert list(Path("checkpoints").iterdir()) == [Path("checkpoints/news")]

    run("export", "checkpoints/news")
    assert read_recipe("artifacts/news") == description.live_counts.recipe  # type: ignore[union-attr]
    Path("none.json").write_text('{"useless": true}', encoding="utf-8")
    run("export", "checkpoints/news", "--counts", "none.json", "--out", "plain")
    assert load_artifact(Path("plain")).manifest.boost_length == 0


@pytest.mark.usefixtures("workplace")
def test_a_network_with_a_validation_period_is_its_own_judge() -> None:
    """Nothing is trained twice, and the recipe is that of `fit-counts` on the same checkpoint."""
    result = run_train("news", "fitted.toml", "--epochs", "1", "--validation-share", "0.25", "--no-evaluate")
    assert "fitted by a network without" not in result.stderr
    assert "on 148 validation clicks" in " ".join(result.stdout.split())
    run("fit-counts", "checkpoints/news", "--dataset", "news", "--questions", "200")
    recipe = load_checkpoint(Path("checkpoints/news")).description.live_counts.recipe  # type: ignore[union-attr]
    assert json.loads(Path("counts.json").read_text(encoding="utf-8")) == msgspec.to_builtins(recipe)


@pytest.mark.usefixtures("workplace")
def test_a_run_that_is_stopped_before_its_fit_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both networks' states are there and are taken; --restart discards both, and the checkpoint leaves none."""
    command = ("news", "fitted.toml", "--epochs", "1", "--no-evaluate")
    with monkeypatch.context() as patched:
        patched.setattr("nextclick.counts_fitting.fit_as_configured", _stop)
        assert run_train(*command).exit_code == 130
    states = [f"news.training.safetensors{part}" for part in ("", ".live-counts")]
    assert sorted(path.name for path in Path("checkpoints").iterdir()) == states
    assert run_train(*command).stderr.count("Going on with an interrupted run") == 2
    assert [path.name for path in Path("checkpoints").iterdir()] == ["news"]

    for name in states:
        Path("checkpoints", name).write_bytes(b"damaged")
    assert run_train(*command, "--restart").exit_code == 0
    assert [path.name for path in Path("checkpoints").iterdir()] == ["news"]


def _stop(*_: object, exclude_last: int) -> None:
    raise TrainingInterrupted(f"Stopped; lists leave {exclude_last} items out.")


@pytest.mark.usefixtures("workplace")
def test_training_without_a_clock_says_that_counts_are_useless() -> None:
    """The same news, their days known only: no other network is trained, and no validation clicks are asked for."""
    days = make_news().with_columns(pl.col("timestamp_ms") // (24 * HOUR_MS) * (24 * HOUR_MS))
    save_data("dated", days.sort("timestamp_ms", maintain_order=True))
    result = run_train("dated", "fitted.toml", "--epochs", "1", "--no-evaluate")
    assert "useless here: the log has no clock" in result.stdout
    assert "fitted by a network without" not in result.stderr
    fit = load_checkpoint(Path("checkpoints/dated")).description.live_counts
    assert fit == CountsFit(CountsRecipe(useless=True), with_counts=None, without_counts=None, trials=0, questions=0)


@pytest.mark.usefixtures("workplace")
def test_too_few_clicks_are_said_before_anything_is_trained() -> None:
    """A hundred validation clicks are the fewest; 24 sessions have 24."""
    with pytest.raises(DataError, match="24 validation clicks are too few to fit live counts by"):
        run_train("news", "fitted.toml", "--validation-share", "0.04")
    assert not Path("checkpoints").exists()


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ("[live_counts]\nhalf_life = 3", "unknown field `half_life`"),
        ("[live_counts]\nquestions = 99", "`int` >= 100"),
        ("[live_counts.start]\nstrenght = 3.0", "unknown field `strenght`"),
    ],
)
def test_what_the_table_may_not_hold_is_refused(table: str, complaint: str) -> None:
    Path("wrong.toml").write_text(NETWORK + table, encoding="utf-8")
    with pytest.raises(SettingsError, match=complaint):
        run_train("news", "wrong.toml")
