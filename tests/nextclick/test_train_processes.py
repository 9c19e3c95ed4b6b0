import json
import os
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from models.preparation.prepared_data import CLICK_SCHEMA, Description, PreparedData
from models.session_rule import SessionRule
from nextclick.cli import app
from nextclick.free_ports import free_port
from tests.processes import alive, descendants

ITEMS = "abcdefg"
# No dropout and the whole catalogue's cross-entropy: nothing is drawn, so that two processes can be held against one.
# SGD, because Adagrad's first steps are as long for a gradient of nearly nothing as for any other.
CONFIG = """
epochs = {epochs}
[network]
kind = "lstm"
embedding_size = 8
hidden_size = 12
embedding_dropout = 0.0
output_dropout = 0.0
[batches]
lanes = 4
window = 3
loss_divisor = 4.0
order = "shuffled"
[optimiser]
name = "sgd"
learning_rate = 0.1
[validation]
share = 0.1
patience = 1000
"""
COMMAND = ["train", "--dataset", "circles", "--config", "small.toml", "--device", "cpu", "--json"]


def make_clicks(first_session: int, sessions: int) -> pl.DataFrame:
    """Sessions of two to six clicks that walk seven items in a circle."""
    rows = [
        (f"u{number}", f"s{number}", ITEMS[(number + step) % 7], number * 1_000_000 + step * 1_000, None, None)
        for number in range(first_session, first_session + sessions)
        for step in range(2 + number % 5)
    ]
    return pl.DataFrame(rows, schema=CLICK_SCHEMA, orient="row")


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with prepared data in `circles` and a configuration in `small.toml`; the current folder."""
    description = Description("circles", SessionRule(), "by time", exclude_seen=False, cleaning=())
    PreparedData(description, make_clicks(0, 61), make_clicks(61, 6), None).save(tmp_path / "circles")
    (tmp_path / "small.toml").write_text(CONFIG.format(epochs=2), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def start_two(*arguments: str) -> subprocess.Popen[str]:
    """Start two processes under torchrun, on this machine alone."""
    torchrun = ["torch.distributed.run", "--nproc-per-node", "2", "--master-addr", "127.0.0.1"]
    port = ["--master-port", str(free_port())]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", *torchrun, *port, "-m", "nextclick", *COMMAND, *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.usefixtures("workplace")
def test_two_processes_learn_what_one_learns() -> None:
    """Four lanes in one process, or two in each of two: the same weights but for rounding, one report, one loss.

    The two read the data from disk, each in parts of its own.
    """
    process = start_two("--on-disk")
    printed, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    of_two = json.loads(printed)
    alone = json.loads(CliRunner().invoke(app, [*COMMAND, "--out", "alone"], catch_exceptions=False).stdout)

    two, one = (load_file(Path(folder) / "weights.safetensors") for folder in ("checkpoints/circles", "alone"))
    assert two.keys() == one.keys()
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=1e-4, atol=1e-5)
    assert [epoch["loss"] for epoch in of_two["epochs"]] == pytest.approx(
        [epoch["loss"] for epoch in alone["epochs"]], rel=1e-4
    )
    assert of_two["test"]["network"]["predictions"] == alone["test"]["network"]["predictions"]
    assert "Epoch  2  loss" in errors
    assert errors.count("Epoch  2  loss") == errors.count("in parts from disk") == 1
    assert not list(Path("checkpoints").glob("*on-disk*"))


@pytest.mark.slow
def test_a_process_that_dies_ends_all(workplace: Path) -> None:
    """One of two is killed in the middle: nothing goes on, and the state of the run is there to go on from."""
    (workplace / "small.toml").write_text(CONFIG.format(epochs=100_000), encoding="utf-8")
    process = start_two("--checkpoint-every", "0")
    state = Path("checkpoints/circles.training.safetensors")
    deadline = time.monotonic() + 200
    while not state.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    workers = descendants(process.pid)
    assert state.exists()
    os.kill(max(workers), 9)
    process.communicate(timeout=120)
    assert process.returncode != 0
    assert not alive(workers)
    assert state.exists()


# Everything that two processes draw for themselves, and gradients that only some rows have.
DRAWN = """
epochs = 6
sparse_gradients = {sparse}
[network]
kind = "gru"
embedding_size = 8
hidden_size = 12
[loss]
name = "sampled_softmax"
negatives = 4
[batches]
lanes = 4
window = 3
loss_divisor = 4.0
[optimiser]
name = "adagrad"
initial_accumulator = 0.1
[validation]
share = 0.1
patience = 1000
"""


def finish(process: subprocess.Popen[str]) -> None:
    """Wait for two processes to end as they should."""
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors


@pytest.mark.slow
def test_two_processes_go_on_and_have_sparse_gradients(workplace: Path) -> None:
    """Killed and started again they end with the weights of an undisturbed run, dense gradients with nearly these."""
    for name in ("dense", "sparse"):
        config = DRAWN.format(sparse=str(name == "sparse").lower())
        (workplace / "small.toml").write_text(config, encoding="utf-8")
        finish(start_two("--out", name))
    dense, sparse = (load_file(Path(folder) / "weights.safetensors") for folder in ("dense", "sparse"))
    for name, tensor in dense.items():
        torch.testing.assert_close(sparse[name], tensor, rtol=1e-3, atol=1e-4)

    killed = start_two("--out", "again", "--checkpoint-every", "0")
    state = Path("again.training.safetensors")
    deadline = time.monotonic() + 200
    while not state.exists() and time.monotonic() < deadline and killed.poll() is None:
        time.sleep(0.01)
    os.kill(max(descendants(killed.pid)), 9)
    killed.communicate(timeout=120)
    assert state.exists()
    assert not Path("again").exists()
    finish(start_two("--out", "again"))
    again = load_file(Path("again") / "weights.safetensors")
    for name, tensor in sparse.items():
        assert torch.equal(again[name], tensor), name
