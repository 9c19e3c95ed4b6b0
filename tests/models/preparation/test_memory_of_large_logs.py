"""What a log's length does to the memory that it is prepared in: each length in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from models.preparation.click_generator import GeneratorConfig, write_click_log

PREPARE = """
import resource, sys
from pathlib import Path
import numpy as np
from models.training.batches import iterate_lane_batches
from models.preparation.click_log import Columns
from models.preparation.large_logs import prepare_large_log
from models.preparation.prepared_on_disk import open_prepared_data
from models.preparation.step_config import Sessions, SplitAtShare, RareItems
from models.training.config import TrainingConfig
from models.training.encoded_data import encode_for_training
import models.preparation.prepared_data

# The short log, too, is written as a long one is.
models.preparation.prepared_data.MOST_ROWS_IN_MEMORY = 0
log, out = Path(sys.argv[1]), Path(sys.argv[2])
steps = (Sessions(by_id=False, gap_ms=1_800_000), SplitAtShare(0.9), RareItems(5))
prepare_large_log(log, Columns(), "milliseconds", steps, out, clicks_at_once=50_000)
(out / "working").mkdir()
config = TrainingConfig(features=("time_gap",))
sessions = encode_for_training(open_prepared_data(out, out / "working", clicks_at_once=50_000), config).sessions
for _ in iterate_lane_batches(sessions, np.arange(len(sessions)), lanes=512, window=20):
    pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    """A log seven times as long, 1,800,000 clicks more, takes less than 300 MB more.

    Prepared, a validation period set aside, features fitted, encoded, and an epoch of batches dealt. Preparation in
    memory takes some 250 bytes a click, 450 MB more; what the allocator of Polars keeps differs by
    more than 100 MB from run to run.
    """
    peaks = []
    for clicks in (300_000, 2_100_000):
        log = tmp_path / f"log-{clicks}"
        write_click_log(GeneratorConfig(clicks=clicks, users=20_000, items=5_000), log)
        arguments = [sys.executable, "-c", PREPARE, str(log), str(tmp_path / f"out-{clicks}")]
        finished = subprocess.run(arguments, check=True, capture_output=True, text=True)
        peaks.append(int(finished.stdout))
    assert peaks[1] - peaks[0] < 300, peaks
