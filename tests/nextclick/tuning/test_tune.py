import json
from pathlib import Path

import polars as pl
import pytest
import torch
from optuna.trial import TrialState, create_trial
from typer.testing import CliRunner, Result

from models.errors import DataError, SettingsError, TrainingError
from models.preparation.prepared_data import CLICK_SCHEMA, Description, PreparedData
from models.session_rule import SessionRule
from models.training.config import TrainingConfig, load_training_config
from models.training.run import train
from nextclick.cli import app
from nextclick.tuning.search_space import Dimension, SearchSpace
from nextclick.tuning.study import make_pruner, make_sampler, opened_study

ITEMS = "abcdefg"
BASE = """
epochs = 2
[network]
kind = "lstm"
embedding_size = 8
hidden_size = 8
[batches]
lanes = 4
loss_divisor = 4.0
[validation]
share = 0.2
metric = "Recall@5"
"""
SPACE = """
base = "small.toml"
[space]
"network.kind" = { choices = ["lstm", "gru"] }
"network.hidden_size" = { choices = [8, 12] }
"optimiser.learning_rate" = { low = 0.01, high = 0.3, log = true }
"""
GRID = """
base = "small.toml"
[space]
"network.kind" = { choices = ["lstm", "gru"] }
"network.layers" = { low = 1, high = 2 }
"""


def make_clicks(first_session: int, sessions: int) -> pl.DataFrame:
    """Sessions that walk seven items in a circle."""
    rows = [
        (f"u{number}", f"s{number}", ITEMS[(number + step) % 7], number * 1_000_000 + step * 1_000, None, None)
        for number in range(first_session, first_session + sessions)
        for step in range(4)
    ]
    return pl.DataFrame(rows, schema=CLICK_SCHEMA, orient="row")


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with prepared data, whose test clicks would break whoever encodes them, a base and two spaces."""
    description = Description("circles", SessionRule(), "by time", exclude_seen=False, cleaning=())
    PreparedData(description, make_clicks(0, 25), make_clicks(25, 6), None).save(tmp_path / "circles")
    for name, content in (("small.toml", BASE), ("space.toml", SPACE), ("grid.toml", GRID)):
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_space() -> SearchSpace:
    """One to nine layers of the default network."""
    return SearchSpace(TrainingConfig(), {"network.layers": Dimension(low=1, high=9)})


def run_tune(space: str, *arguments: str) -> Result:
    """Run `nextclick tune` on the circles; errors of ours come through."""
    threads = torch.get_num_threads()
    try:
        command = ["tune", space, "--dataset", "circles", "--threads", "1", *arguments]
        return CliRunner().invoke(app, command, catch_exceptions=False)
    finally:
        torch.set_num_threads(threads)


def test_the_best_configuration_is_one_that_train_takes(workplace: Path) -> None:
    """Two seeds a trial: the file of the best trial, trained, reaches on the validation period what the table says."""
    result = json.loads(run_tune("space.toml", "--trials", "5", "--seeds", "2", "--pruner", "none", "--json").stdout)
    best = result["trials"][0]
    assert [trial["state"] for trial in result["trials"]] == ["complete"] * 5
    assert best["value"] == max(trial["value"] for trial in result["trials"])
    assert best["value"] == pytest.approx(sum(best["values"]) / 2)

    folder = workplace / "tuning" / "space"
    config = load_training_config(str(folder / "best.toml"))
    assert json.loads(json.dumps(best["point"]["network.hidden_size"])) == str(config.network.hidden_size)  # type: ignore[union-attr]
    trained = CliRunner().invoke(
        app,
        ["train", "--dataset", "circles", "--config", "tuning/space/best.toml", "--no-evaluate", "--json"],
        catch_exceptions=False,
    )
    figures = [epoch["validation"]["metrics"]["Recall@5"] for epoch in json.loads(trained.stdout)["epochs"]]
    assert max(figures) == pytest.approx(best["values"][0])
    for picture in ("history.png", "slices.png", "importances.png"):
        assert (folder / picture).read_bytes().startswith(b"\x89PNG")
    assert f"| {best['number']} | {best['value']:.4f}" in (folder / "trials.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("workplace")
def test_the_test_clicks_are_never_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """What trains has none of them; a base without a validation period is refused, not judged by them."""
    seen: list[int] = []

    def watched(data: PreparedData, *arguments: object, **options: object) -> object:
        seen.append(len(data.test))
        return train(data, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("nextclick.tuning.trial_training.train", watched)
    run_tune("space.toml", "--trials", "2")
    assert seen == [0, 0]
    Path("small.toml").write_text(BASE.replace("share = 0.2", "share = 0.0"), encoding="utf-8")
    with pytest.raises(SettingsError, match="needs a validation period: give --validation-share"):
        run_tune("space.toml", "--out", "other")


@pytest.mark.usefixtures("workplace")
def test_an_interrupted_search_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in its third trial, the same command tries that point again and ends with five; six make one more."""
    calls = 0

    def stopped_at_the_third(data: PreparedData, *arguments: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return train(data, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("nextclick.tuning.trial_training.train", stopped_at_the_third)
    stopped = run_tune("space.toml", "--trials", "5", "--pruner", "none", "--sampler", "random")
    assert stopped.exit_code == 130
    assert "the same command goes on" in " ".join(stopped.stderr.split())
    result = json.loads(
        run_tune("space.toml", "--trials", "5", "--pruner", "none", "--sampler", "random", "--json").stdout
    )
    assert sorted(trial["number"] for trial in result["trials"]) == [0, 1, 3, 4, 5]
    assert len({json.dumps(trial["point"]) for trial in result["trials"]}) == 5
    assert "Traceback" not in stopped.stderr
    again = json.loads(run_tune("space.toml", "--trials", "5", "--json").stdout)
    assert len(again["trials"]) == 5
    with pytest.raises(SettingsError, match="holds another search, with another space"):
        run_tune("grid.toml", "--out", "tuning/space")


@pytest.mark.parametrize("trial", [1, 2, 3, 4])
@pytest.mark.usefixtures("workplace")
def test_a_grid_that_was_interrupted_has_every_point_once(monkeypatch: pytest.MonkeyPatch, trial: int) -> None:
    """Stopped at whichever of its four trials: that point is tried again, and no other is forgotten."""
    tried: list[TrainingConfig] = []

    def stopped_once(data: PreparedData, config: TrainingConfig, *arguments: object, **options: object) -> object:
        tried.append(config)
        if len(tried) == trial:
            raise KeyboardInterrupt
        return train(data, config, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("nextclick.tuning.trial_training.train", stopped_once)
    assert run_tune("grid.toml", "--sampler", "grid", "--trials", "9").exit_code == 130
    result = json.loads(run_tune("grid.toml", "--sampler", "grid", "--trials", "9", "--json").stdout)
    assert tried[trial] == tried[trial - 1]
    points = {(one["point"]["network.kind"], one["point"]["network.layers"]) for one in result["trials"]}
    assert points == {('"lstm"', 1), ('"lstm"', 2), ('"gru"', 1), ('"gru"', 2)}
    assert len(result["trials"]) == 4


def test_a_trial_whose_process_was_killed_is_queued_once(tmp_path: Path) -> None:
    """With what it had chosen by then; a second opening does not queue it again."""
    place = (tmp_path, {"space": "1"}, make_sampler("random", make_space(), 0, 0, 3), make_pruner("none", 1))
    with opened_study(*place) as study:
        study.ask().suggest_int("network.layers", 1, 9)
        (running,) = study.trials
    for _ in range(2):
        with opened_study(*place) as study:
            failed, queued = study.trials
        assert (failed.state, queued.state, queued.params) == (TrialState.FAIL, TrialState.WAITING, running.params)


def test_a_journal_with_half_a_line_is_read_and_goes_on(tmp_path: Path) -> None:
    """As a full disk leaves it: the line is taken away, and what comes then can be read."""
    place = (tmp_path, {"space": "1"}, make_sampler("random", make_space(), 0, 0, 3), make_pruner("none", 1))
    for _ in range(3):
        with opened_study(*place) as study:
            study.add_trial(create_trial(value=1.0))
        journal = (tmp_path / "study.jsonl").read_bytes()
        (tmp_path / "study.jsonl").write_bytes(journal + journal.splitlines()[-1][:-9])
    assert len(study.trials) == 3


@pytest.mark.usefixtures("workplace")
def test_other_clicks_of_the_same_name_are_another_search(workplace: Path) -> None:
    """Figures of two logs that are both called circles are not put into one table."""
    run_tune("grid.toml", "--trials", "1")
    description = Description("circles", SessionRule(), "by time", exclude_seen=False, cleaning=())
    PreparedData(description, make_clicks(1, 26), make_clicks(27, 6), None).save(workplace / "circles")
    with pytest.raises(SettingsError, match="holds another search, with another data set"):
        run_tune("grid.toml", "--trials", "2")


@pytest.mark.usefixtures("workplace")
def test_the_next_command_finds_data_that_lies_elsewhere() -> None:
    """A folder of prepared data is named as it was given."""
    assert "nextclick train --dataset ./circles --config tuning/grid/best.toml" in " ".join(
        run_tune("grid.toml", "--dataset", "./circles", "--trials", "1").stdout.split()
    )


@pytest.mark.usefixtures("workplace")
def test_live_counts_wait_for_the_best_configuration() -> None:
    """No trial fits them; the file has their table, so that training it does."""
    Path("small.toml").write_text(f"{BASE}[live_counts]\nfit = true\ndelay_s = 5.0\n", encoding="utf-8")
    run_tune("grid.toml", "--sampler", "grid", "--trials", "1")
    config = load_training_config("tuning/grid/best.toml")
    assert (config.live_counts.fit, config.live_counts.delay_s) == (True, 5.0)
    with pytest.raises(DataError, match="validation clicks are too few to fit live counts by"):
        CliRunner().invoke(
            app, ["train", "--dataset", "circles", "--config", "tuning/grid/best.toml"], catch_exceptions=False
        )


@pytest.mark.usefixtures("workplace")
def test_a_grid_ends_with_its_last_point() -> None:
    """Two kinds of one layer and of two, each once."""
    result = json.loads(run_tune("grid.toml", "--sampler", "grid", "--trials", "99", "--json").stdout)
    points = {(trial["point"]["network.kind"], trial["point"]["network.layers"]) for trial in result["trials"]}
    assert len(result["trials"]) == 4
    assert points == {('"lstm"', 1), ('"lstm"', 2), ('"gru"', 1), ('"gru"', 2)}


@pytest.mark.parametrize(("sampler", "pruner"), [("evolutionary", "median"), ("tpe", "hyperband")])
@pytest.mark.usefixtures("workplace")
def test_hopeless_trials_end_early(sampler: str, pruner: str) -> None:
    """Of twelve trials of up to four epochs some are pruned; they are never the best."""
    result = json.loads(
        run_tune(
            "space.toml", "--sampler", sampler, "--pruner", pruner, "--trials", "12", "--epochs", "4", "--json"
        ).stdout
    )
    states = [trial["state"] for trial in result["trials"]]
    assert len(states) == 12
    assert states[0] == "complete"
    assert "pruned" in states


@pytest.mark.usefixtures("workplace")
def test_a_point_that_cannot_be_trained_is_told_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss of one trial is not finite: the reason stands in the table, and the search goes on."""
    calls = 0

    def fails_once(data: PreparedData, *arguments: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise TrainingError("The loss is nan in epoch 1.")
        return train(data, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("nextclick.tuning.trial_training.train", fails_once)
    run_tune("space.toml", "--trials", "2")
    table = Path("tuning/space/trials.md").read_text(encoding="utf-8")
    assert "- trial 0: The loss is nan in epoch 1." in table
    assert "2 trials, 1 of them to their end" in table


@pytest.mark.usefixtures("workplace")
def test_a_kind_that_the_settings_do_not_fit_ends_its_own_trial_only() -> None:
    """`markov` has no epochs: it says so, and the search goes on with the LSTM."""
    kinds = '"network" = { choices = [{ kind = "markov" }, { kind = "lstm", hidden_size = 8 }] }'
    Path("kinds.toml").write_text(f'base = "small.toml"\n[space]\n{kinds}\n', encoding="utf-8")
    result = json.loads(run_tune("kinds.toml", "--sampler", "grid", "--json").stdout)
    complete, failed = result["trials"]
    assert (complete["state"], failed["state"]) == ("complete", "failed")
    assert "is counted in one pass over the clicks and not trained: leave" in failed["failure"]


@pytest.mark.usefixtures("workplace")
def test_a_search_without_any_figure_has_an_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """1, and every trial says what was wrong."""

    def fails(*_arguments: object, **_options: object) -> None:
        raise TrainingError("The loss is nan in epoch 1.")

    monkeypatch.setattr("nextclick.tuning.trial_training.train", fails)
    failed = run_tune("space.toml", "--trials", "2")
    assert failed.exit_code == 1
    assert failed.stderr.count("failed: The loss is nan in epoch 1.") == 2
