import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import polars as pl
import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner, Result

from models.errors import SettingsError
from models.preparation.prepared_data import CLICK_SCHEMA, Description, PreparedData
from models.session_rule import SessionRule
from nextclick.cli import app

ITEMS = "abcdefg"
CONFIG = """
epochs = 3
[network]
kind = "lstm"
embedding_size = 8
hidden_size = 8
[loss]
name = "sampled_softmax"
negatives = 4
[batches]
lanes = 2
window = 2
order = "shuffled"
[validation]
share = 0.1
"""
COMMAND = ["train", "--dataset", "circles", "--config", "small.toml", "--threads", "1"]
STATE = Path("checkpoints/circles.training.safetensors")


def make_clicks(first_session: int, sessions: int) -> pl.DataFrame:
    """Sessions that walk seven items in a circle."""
    rows = [
        (f"u{number}", f"s{number}", ITEMS[(number + step) % 7], number * 1_000_000 + step * 1_000, None, None)
        for number in range(first_session, first_session + sessions)
        for step in range(9)
    ]
    return pl.DataFrame(rows, schema=CLICK_SCHEMA, orient="row")


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with prepared data in `circles` and a configuration in `small.toml`; the current folder."""
    description = Description("circles", SessionRule(), "by time", exclude_seen=False, cleaning=())
    PreparedData(description, make_clicks(0, 90), make_clicks(90, 6), None).save(tmp_path / "circles")
    (tmp_path / "small.toml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_here(*arguments: str) -> Result:
    """Run `nextclick train` in this process."""
    threads = torch.get_num_threads()
    try:
        return CliRunner().invoke(app, [*COMMAND, *arguments], catch_exceptions=False)
    finally:
        torch.set_num_threads(threads)


def start_process() -> subprocess.Popen[bytes]:
    """Start the same command in a process of its own."""
    # The tests' own folder is not the current one: the code under test is found by its path.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen(
        [sys.executable, "-m", "nextclick", *COMMAND, "--checkpoint-every", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


class _Position(msgspec.Struct):
    epoch: int
    batches: int


class _Run(msgspec.Struct):
    position: _Position


class _Metadata(msgspec.Struct):
    nextclick_training: str


class _Header(msgspec.Struct):
    metadata: _Metadata = msgspec.field(name="__metadata__")


def read_position() -> _Position:
    """Read from the state on disk how far the run has come; by one read, as it is replaced all the time."""
    if not STATE.exists():
        return _Position(0, 0)
    content = STATE.read_bytes()
    header = msgspec.json.decode(content[8 : 8 + int.from_bytes(content[:8], "little")], type=_Header)
    return msgspec.json.decode(header.metadata.nextclick_training, type=_Run).position


def wait_for_the_middle_of_the_second_epoch(process: subprocess.Popen[bytes]) -> None:
    """Return once the state on disk is that of some batch in the second epoch."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        position = read_position()
        if position.epoch == 2 and position.batches > 20:
            return
        time.sleep(0.005)
    process.kill()
    output = process.communicate(timeout=10)
    pytest.fail(f"no second epoch was seen: {output!r}")


def weights(folder: str) -> dict[str, torch.Tensor]:
    """The weights of a checkpoint."""
    return load_file(Path(folder) / "weights.safetensors")


def assert_same_weights(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    """Bit for bit."""
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


@pytest.mark.slow
@pytest.mark.usefixtures("workplace")
def test_killed_in_the_middle_of_an_epoch_training_goes_on_to_the_same_weights() -> None:
    """A kill -9 in a real process, then the same command: weights as of an undisturbed run, and no state is left."""
    process = start_process()
    wait_for_the_middle_of_the_second_epoch(process)
    process.kill()
    process.communicate(timeout=30)
    assert not Path("checkpoints/circles").exists()

    resumed = run_here()
    assert "Going on with an interrupted run: epoch 2, after" in resumed.stderr
    assert not list(Path("checkpoints").glob("*training*"))
    run_here("--out", "undisturbed")
    assert_same_weights(weights("checkpoints/circles"), weights("undisturbed"))


@pytest.mark.slow
@pytest.mark.usefixtures("workplace")
def test_ctrl_c_leaves_a_state_and_says_so() -> None:
    """One line that names the state and the way on, exit code 130; --restart begins anew; another config is refused."""
    process = start_process()
    wait_for_the_middle_of_the_second_epoch(process)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on from there" in " ".join(printed.decode().split())
    assert STATE.exists()

    with pytest.raises(SettingsError, match="epochs was 3 there and is 4 here"):
        run_here("--epochs", "4")
    anew = run_here("--epochs", "1", "--restart")
    assert anew.exit_code == 0
    assert "Going on" not in anew.stderr
