from pathlib import Path

import numpy as np
import pytest

from benchmarks.programs.replayed_runs import replay
from benchmarks.recordings import Recording
from export.artifact import Artifact
from export.runtime import ModelRuntime, no_exclusions
from models.errors import NextclickError


def make_recording(artifact: Artifact) -> Recording:
    """Two steps of 3 and 1 users and a ranking of each."""
    runtime, recording = ModelRuntime(artifact), Recording()
    bias = np.zeros(artifact.manifest.item_count, dtype=np.float32)
    for size in (3, 1):
        state = {name: np.ones((size, 1, 8), dtype=np.float32) for name in ("hidden", "cell")}
        recording.add("step", {"item_index": np.arange(size), **state})
        exclude_index = no_exclusions(size, runtime.manifest.ring_length)
        recording.add("rank", {"hidden": state["hidden"], "exclude_index": exclude_index, "item_bias": bias})
    return recording


def test_a_recording_is_read_as_it_was_written(small_artifact: Artifact, tmp_path: Path) -> None:
    recording = make_recording(small_artifact)
    recording.save(tmp_path / "runs.npz")
    read = Recording.load(tmp_path / "runs.npz")
    assert [graph for graph, _ in read] == ["step", "rank", "step", "rank"]
    for (_, before), (_, after) in zip(recording, read, strict=True):
        assert before.keys() == after.keys()
        assert all(np.array_equal(before[name], after[name]) for name in before)
    assert (read.rows("step"), read.rows("rank")) == (4, 4)


def test_inputs_are_copied_and_an_unchanged_one_is_kept_once() -> None:
    recording, bias, hidden = Recording(), np.zeros(5), np.zeros((1, 2))
    for value in (1.0, 2.0):
        hidden[:] = value
        recording.add("rank", {"hidden": hidden, "item_bias": bias})
    (_, first), (_, second) = recording
    assert (first["hidden"].tolist(), second["hidden"].tolist()) == ([[1.0, 1.0]], [[2.0, 2.0]])
    assert first["item_bias"] is second["item_bias"]


@pytest.mark.parametrize("graph", ["step", "rank"])
def test_a_recording_runs_without_a_worker(small_artifact: Artifact, graph: str) -> None:
    microseconds = replay(small_artifact.folder, make_recording(small_artifact), seconds=0.05)
    assert 0 < microseconds[graph] < 100_000


def test_a_recording_that_lacks_a_graph_is_no_limit(small_artifact: Artifact) -> None:
    recording = Recording()
    state = {name: np.ones((3, 1, 8), dtype=np.float32) for name in ("hidden", "cell")}
    recording.add("step", {"item_index": np.arange(3), **state})
    with pytest.raises(NextclickError, match=r"'rank': 0.*record more clicks"):
        replay(small_artifact.folder, recording, seconds=0.05)
