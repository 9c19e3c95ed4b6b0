"""What an artifact costs to serve: bytes on disk, bytes a user, microseconds a click of this machine's processor."""

import statistics
import time

import numpy as np

from export.artifact import Artifact
from export.runtime import ModelRuntime, no_exclusions
from models.evaluation.metric_intervals import Interval
from models.sequences.features import feature_width

# A worker's round in a busy moment; larger ones cost little less a click.
BATCH = 64
ROUNDS = 50
RUNS = 7


def serving_figures(artifact: Artifact) -> dict[str, Interval]:
    """Return the figures of `Result` that are about serving."""
    return {
        "artifact_bytes": _exactly(sum(file.stat().st_size for file in artifact.folder.iterdir() if file.is_file())),
        "state_bytes": _exactly(_state_bytes(artifact)),
        "microseconds_per_click": microseconds_per_click(artifact),
    }


def _exactly(value: float) -> Interval:
    return Interval(float(value), float(value), float(value))


def _state_bytes(artifact: Artifact) -> int:
    return sum(
        int(np.prod(tensor.shape, dtype=np.int64)) * np.dtype(tensor.dtype).itemsize
        for tensor in artifact.manifest.state
    )


def microseconds_per_click(artifact: Artifact) -> Interval:
    """Step and rank 64 users at a time, in one thread; return the median of the runs, and the fastest and slowest.

    Of processor time, which other work on the machine makes little longer, and not of the clock. The items are random,
    the states what random clicks lead to. Kafka, decoding and encoding are not part of it: see
    `make bench` for a worker's whole line.
    """
    runtime, manifest = ModelRuntime(artifact), artifact.manifest
    random = np.random.default_rng(0)
    items = random.integers(manifest.item_count, size=(ROUNDS, BATCH))
    features = np.zeros((BATCH, feature_width(manifest.features)), dtype=np.float32)
    exclude, bias = no_exclusions(BATCH, manifest.ring_length), np.zeros(manifest.item_count, dtype=np.float32)
    state = runtime.initial_state(BATCH)
    seconds = []
    # The first run warms up: onnxruntime lays out its memory.
    for _ in range(RUNS + 1):
        began = time.process_time()
        for round_items in items:
            state = runtime.step(round_items, features, state)
            runtime.rank(state, exclude, bias)
        seconds.append(time.process_time() - began)
    per_click = [1e6 * run / (ROUNDS * BATCH) for run in seconds[1:]]
    return Interval(statistics.median(per_click), min(per_click), max(per_click))
