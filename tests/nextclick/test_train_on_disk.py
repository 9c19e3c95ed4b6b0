import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner, Result

from models.errors import DataError, SettingsError, TrainingError
from models.preparation.click_generator import GeneratorConfig, generate_clicks
from models.preparation.cuts import CutAtShare
from models.preparation.prepared_data import CLICK_SCHEMA, Description, PreparedData
from models.preparation.prepared_on_disk import open_prepared_data
from models.preparation.sessions import assign_sessions
from models.preparation.splitting import split_by_time
from models.session_rule import SessionRule
from nextclick.cli import app
from nextclick.prepared_reading import BYTES_A_CLICK, is_too_large

CONFIG = """
epochs = 1
features = ["time_gap"]
[network]
kind = "lstm"
embedding_size = 8
hidden_size = 8
[batches]
lanes = 512
[validation]
share = 0.02
"""
WEIGHTS = "weights.safetensors"
# The command, told to hold fewer clicks at once than it does by itself, and what its process took at its peak. (Not by
# getrusage: there a process begins with the peak of the one that started it.)
MEASURED = """
import re, sys
from functools import partial
import nextclick.prepared_reading as reading
from nextclick.cli import app
reading.open_prepared_data = partial(reading.open_prepared_data, clicks_at_once=50_000)
app(sys.argv[1:], standalone_mode=False)
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) // 1024)
"""


def prepare(folder: Path, clicks: int) -> None:
    """Prepared data of so many generated clicks in a folder `made`, and a configuration `small.toml` beside it."""
    generated = pl.concat(generate_clicks(GeneratorConfig(clicks=clicks, users=max(40, clicks // 60), items=200)))
    columns = generated.select(
        *("user_id", pl.lit(None, pl.String).alias("session_id"), "item_id", "timestamp_ms"),
        *(pl.lit(None, kind).alias(name) for name, kind in (("event_type", pl.String), ("value", pl.Float64))),
    )
    rule = SessionRule(by_id=False, gap_ms=1_800_000)
    split = split_by_time(assign_sessions(columns.cast(CLICK_SCHEMA), rule), CutAtShare(0.98), rule)
    description = Description("made", rule, "by time", exclude_seen=False, cleaning=())
    PreparedData(description, split.train, split.test, None).save(folder / "made")
    (folder / "small.toml").write_text(CONFIG, encoding="utf-8")


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a little of both; the current folder."""
    prepare(tmp_path, 4_000)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(out: str, *arguments: str) -> list[str]:
    return ["train", "--dataset", "made", "--config", "small.toml", "--threads", "1", "--out", out, *arguments]


def run_train(out: str, *arguments: str) -> Result:
    threads = torch.get_num_threads()
    try:
        return CliRunner().invoke(app, command(out, *arguments), catch_exceptions=False)
    finally:
        torch.set_num_threads(threads)


def test_a_checkpoint_trained_from_disk_is_that_trained_in_memory(workplace: Path) -> None:
    """The same figures and the same weights, byte for byte; a person is told, and nothing is left lying about."""
    (workplace / "disk.training.on-disk-0").mkdir()
    (workplace / "disk.training.on-disk-0" / "left.parquet").write_bytes(b"of a run that was killed")
    whole, parts = run_train("memory", "--in-memory", "--json"), run_train("disk", "--on-disk", "--json")
    reports = [json.loads(result.stdout) for result in (whole, parts)]
    assert reports[0]["test"] == reports[1]["test"]
    assert reports[0]["epochs"][0]["validation"] == reports[1]["epochs"][0]["validation"]
    assert (workplace / "memory" / WEIGHTS).read_bytes() == (workplace / "disk" / WEIGHTS).read_bytes()
    assert "clicks in parts from disk; whole (--in-memory) they would take" in parts.stderr
    assert "from disk" not in whole.stderr
    assert sorted(path.name for path in workplace.iterdir()) == ["disk", "made", "memory", "small.toml"]


def test_what_would_fill_the_memory_is_read_from_disk(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless something else is asked for: from a quarter of the memory on."""
    found = open_prepared_data(workplace / "made", workplace)
    assert is_too_large(found, found.click_count * BYTES_A_CLICK * 4 - 1)
    assert not is_too_large(found, found.click_count * BYTES_A_CLICK * 4)
    monkeypatch.setattr("nextclick.prepared_reading.memory_limit_bytes", lambda: 1_000_000)
    assert "from disk" in run_train("out", "--no-evaluate").stderr
    assert "from disk" not in run_train("out", "--no-evaluate", "--in-memory").stderr


def test_held_out_items_are_held_out_of_what_is_on_disk(workplace: Path) -> None:
    """The same ones as in memory: vocabulary, weights and figures."""
    hold_out = ("--hold-out-items", "0.2", "--json")
    whole, parts = run_train("memory", "--in-memory", *hold_out), run_train("disk", "--on-disk", *hold_out)
    report, expected = json.loads(parts.stdout), json.loads(whole.stdout)
    assert report["test"] == expected["test"]
    assert report["test"]["network"]["unknown_targets"] > 0
    assert report["training_data"] == expected["training_data"]
    assert (workplace / "memory" / WEIGHTS).read_bytes() == (workplace / "disk" / WEIGHTS).read_bytes()


def test_a_full_disk_is_said_before_half_of_the_work(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With how much room is needed, and nothing left lying about."""
    free = shutil.disk_usage(workplace)._replace(free=1000)
    monkeypatch.setattr("nextclick.prepared_reading.shutil.disk_usage", lambda _path: free)
    with pytest.raises(
        TrainingError, match=r"too little room at .*needs some 0\.0 GiB .* give another place with --out"
    ):
        run_train("out", "--on-disk")
    assert sorted(path.name for path in workplace.iterdir()) == ["made", "small.toml"]


def test_live_counts_are_fitted_in_memory(workplace: Path) -> None:
    """Refused before the network is trained, not after."""
    (workplace / "small.toml").write_text(f"{CONFIG}[live_counts]\nfit = true\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"leave \[live_counts\] out, or .*--in-memory"):
        run_train("out", "--on-disk")


def test_damaged_data_is_said_in_one_line(workplace: Path) -> None:
    """A file that is no table, and one of other columns."""
    path = workplace / "made" / "test.parquet"
    pl.DataFrame({"item": ["A"]}).write_parquet(path)
    with pytest.raises(DataError, match="has the columns"):
        run_train("out", "--on-disk")
    path.write_bytes(b"half")
    with pytest.raises(DataError, match="run `nextclick data prepare` again"):
        run_train("out", "--on-disk")


@pytest.mark.slow
def test_memory_of_a_run_from_disk_is_bounded(tmp_path: Path) -> None:
    """A million clicks take at least 150 MB less from disk, 50,000 at once, than in memory; the weights are the same.

    In memory a click takes some 500 bytes at the peak, which is 500 MB; what the allocator of Polars keeps differs by
    more than 100 MB from run to run.
    """
    prepare(tmp_path, 1_000_000)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    peaks, weights = [], []
    for out, how in (("memory", "--in-memory"), ("disk", "--on-disk")):
        arguments = [sys.executable, "-c", MEASURED, *command(out, how, "--no-evaluate")]
        finished = subprocess.run(
            arguments, check=True, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=600
        )
        peaks.append(int(finished.stdout.splitlines()[-1]))
        weights.append(load_file(tmp_path / out / WEIGHTS))
    assert peaks[0] - peaks[1] > 150, peaks
    assert all(torch.equal(tensor, weights[1][name]) for name, tensor in weights[0].items())
