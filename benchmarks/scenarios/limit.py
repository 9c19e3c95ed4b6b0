"""Scenario 4: what onnxruntime alone needs for the worker's own runs, and our whole cost as a multiple of it.

A recorded worker tells, once for each catalogue, which inputs its runs have, so that the limit is that of the worker's
own batches. The recording is then run without anything around it, on the worker's core, in every round.
"""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.brokers import fresh_broker
from benchmarks.checking import require_each_list
from benchmarks.folders import BUILD, PROJECT
from benchmarks.machine import on_cores
from benchmarks.preloaded_runs import after, run_preloaded
from benchmarks.processes import Program
from benchmarks.programs.recorded_worker import PATH, RECORDED, SKIPPED
from benchmarks.streams import make_stream
from models.errors import NextclickError

RECORDED_WORKER = (sys.executable, "-m", "benchmarks.programs.recorded_worker")
# Of these many clicks at most, an eighth passes unrecorded and half is recorded: 20 MB where a list has one step.
MOST_CLICKS = 32_000


def measure_onnxruntime(bench: Bench, item_count: int) -> None:
    """Measure a round of onnxruntime alone."""
    artifact = bench.artifact(item_count).folder
    recording = _recording(bench, item_count, artifact)
    command = [sys.executable, "-m", "benchmarks.programs.replayed_runs", artifact, recording, bench.scale.profile_s]
    with on_cores(bench.cores.worker):
        done = subprocess.run(list(map(str, command)), cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NextclickError(f"The recording {recording} does not run: {done.stderr.strip()}")
    microseconds = json.loads(done.stdout)
    for graph, spent in microseconds.items():
        bench.measures.add(f"onnxruntime.items_{item_count}.{graph}", spent, "us/list")
    alone = 1e6 / sum(microseconds.values())
    bench.measures.add(f"onnxruntime.items_{item_count}", alone, "lists/s")
    ours = bench.measures.of_this_round(f"throughput.items_{item_count}.per_click")
    if ours is not None:
        bench.measures.add(f"ratio.onnxruntime.items_{item_count}", alone / ours, "times")


def _recording(bench: Bench, item_count: int, artifact: Path) -> Path:
    """Return this run's recording for a catalogue; the first round makes it."""
    path = BUILD / "recordings" / f"items-{item_count}.npz"
    if item_count not in bench.recorded:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        _record(bench, item_count, artifact, path)
        bench.recorded.add(item_count)
    return path


def _record(bench: Bench, item_count: int, artifact: Path, path: Path) -> None:
    reference = bench.reference(item_count, min(MOST_CLICKS, bench.scale.clicks[item_count]))
    count = len(reference.clicks)
    bench.say(f"recording a worker's runs at {item_count:,} items")
    with fresh_broker(bench.choice, bench.cores) as address:
        stream = make_stream(address, bench.choice, artifact)
        orders = {PATH: str(path), SKIPPED: str(count // 8), RECORDED: str(count // 2)}
        worker = Program(RECORDED_WORKER, {**stream.environment, **orders}, bench.log("recorded"), bench.cores.worker)
        arrivals = run_preloaded(stream, reference.clicks, worker, after(count))
    require_each_list((value for arrival in arrivals for value in arrival.values), reference)
    if not path.exists():
        raise NextclickError(
            "The worker ran no session's `run`: benchmarks/programs/recorded_worker.py must learn what it does."
        )
