import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models.networks.ensemble import EnsembleConfig
from models.networks.markov import MarkovConfig
from models.training.checkpoint import load_checkpoint, save_checkpoint
from nextclick.cli import app
from tests.models.training.test_ensemble_assembly import LSTM, trained
from tests.models.training.test_run import make_data


def test_checkpoints_become_one(tmp_path: Path) -> None:
    """Fitted, judged on the test clicks, and read again; the weights are in the report, and from disk the same."""
    make_data().save(tmp_path / "circles")
    for name, network in (("lstm", LSTM), ("markov", MarkovConfig())):
        save_checkpoint(tmp_path / name, trained(network))
    command = ["ensemble", str(tmp_path / "lstm"), str(tmp_path / "markov"), "--dataset", str(tmp_path / "circles")]
    result = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "both"), "--json"], catch_exceptions=False)
    report = json.loads(result.stdout)
    assert report["kind"] == "ensemble"
    assert report["test"]["network"]["metrics"]["Recall@1"] == pytest.approx(1.0)
    written = load_checkpoint(tmp_path / "both").description.network
    assert isinstance(written, EnsembleConfig)
    assert report["member_weights"] == [member.weight for member in written.members]
    from_disk = [*command, "--out", str(tmp_path / "disk"), "--on-disk"]
    result = CliRunner().invoke(app, from_disk, catch_exceptions=False)
    assert "clicks in parts from disk" in result.stderr
    assert load_checkpoint(tmp_path / "disk").description.network == written
    assert sorted(path.name for path in tmp_path.iterdir()) == ["both", "circles", "disk", "lstm", "markov"]


@pytest.mark.parametrize("weights", ["1,nan", "1,inf", "1,heavy"])
def test_weights_that_are_no_numbers_are_refused(weights: str) -> None:
    """`nan` would make every score of the ensemble one that nothing can be ranked by."""
    command = ["ensemble", "lstm", "markov", "--dataset", "circles", "--out", "both", "--weights", weights]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert "is no list of numbers" in result.stderr
