from pathlib import Path

import msgspec
import numpy as np
import pytest

from export.artifact import Artifact, Manifest, StateTensor
from export.runtime import ModelRuntime, gather_state, no_exclusions
from models.errors import ArtifactError
from models.sequences.features import TimeGap


def _described_as(artifact: Artifact, manifest: Manifest) -> Artifact:
    """The same graphs under a manifest that may not fit them."""
    return Artifact(artifact.folder, manifest)


def test_a_new_user_has_a_state_of_zeros_in_the_stored_dtype(tiny_artifact: Artifact) -> None:
    """`hidden` and `cell`, (B, L, H) each."""
    hidden, cell = ModelRuntime(tiny_artifact).initial_state(3)
    assert hidden.shape == cell.shape == (3, 1, 8)
    assert hidden.dtype == cell.dtype == np.float16
    assert not hidden.any()


def test_a_step_changes_the_state_and_rounds_it(tiny_artifact: Artifact) -> None:
    """What is kept is what the next step computes with: float16, as the manifest says."""
    runtime = ModelRuntime(tiny_artifact)
    before = runtime.initial_state(2)
    hidden, cell = runtime.step(np.array([4, 5]), np.zeros((2, 0), np.float32), before)
    assert hidden.dtype == cell.dtype == np.float16
    assert hidden.all()
    assert (hidden[0] != hidden[1]).any()
    assert not before[0].any()


def test_excluded_items_are_replaced_by_the_next_best(tiny_artifact: Artifact) -> None:
    """Leaving out before the top K keeps the list K long."""
    runtime = ModelRuntime(tiny_artifact)
    state = runtime.step(np.array([4]), np.zeros((1, 0), np.float32), runtime.initial_state(1))
    no_bias = np.zeros(30, np.float32)
    whole, _ = runtime.rank(state, no_exclusions(1, 5), no_bias)
    best, second, third = whole[0, :3]
    exclude_index = np.array([[second, best, -1, second, -1]])
    rest, scores = runtime.rank(state, exclude_index, no_bias)
    assert rest[0, 0] == third
    assert rest[0].tolist()[:8] == whole[0].tolist()[2:]
    assert np.isfinite(scores).all()


def test_padding_leaves_item_0_where_it_was(tiny_artifact: Artifact) -> None:
    """-1 is no item: neither the first row nor, counted from behind, the last."""
    runtime = ModelRuntime(tiny_artifact)
    bias = np.zeros(30, np.float32)
    bias[[0, 29]] = 100, 99
    top_item, top_score = runtime.rank(runtime.initial_state(1), no_exclusions(1, 5), bias)
    assert top_item[0, :2].tolist() == [0, 29]
    assert top_score[0, 0] == pytest.approx(100, abs=1)


def test_item_0_can_be_excluded(tiny_artifact: Artifact) -> None:
    """Also beside padding, which points at the same row."""
    runtime = ModelRuntime(tiny_artifact)
    bias = np.zeros(30, np.float32)
    bias[0] = 100
    top_item, _ = runtime.rank(runtime.initial_state(1), np.array([[-1, 0, -1, -1, -1]]), bias)
    assert 0 not in top_item


def test_where_too_few_items_are_left_the_scores_say_so(tiny_artifact: Artifact) -> None:
    """Unavailable and excluded at once is -inf, never NaN."""
    runtime = ModelRuntime(tiny_artifact)
    bias = np.full(30, -np.inf, np.float32)
    bias[:4] = 0
    exclude_index = np.array([[0, 1, 7, 7, -1]])
    top_item, top_score = runtime.rank(runtime.initial_state(1), exclude_index, bias)
    assert sorted(top_item[0, :2].tolist()) == [2, 3]
    assert np.isfinite(top_score[0, :2]).all()
    assert (top_score[0, 2:] == -np.inf).all()


def test_gathered_states_are_one_batch(tiny_artifact: Artifact) -> None:
    """Users' states of one row each become (B, ...)."""
    runtime = ModelRuntime(tiny_artifact)
    hidden, _ = gather_state([runtime.initial_state(1), runtime.initial_state(1)])
    assert hidden.shape == (2, 1, 8)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"features": (TimeGap(mean=0.0, std=1.0),)}, r"step.onnx takes .*; the manifest asks for .*features \(B, 1\)"),
        ({"state": (StateTensor("hidden", (1, 8), "float16"),)}, r"step.onnx takes .*cell"),
        (
            {"state": (StateTensor("hidden", (1, 8), "float16"), StateTensor("cell", (1, 9), "float16"))},
            r"step.onnx takes cell \(B, 1, 8\).* asks for cell \(B, 1, 9\)",
        ),
        ({"ring_length": 6}, r"rank.onnx takes exclude_index \(B, 5\).* asks for exclude_index \(B, 6\)"),
        ({"item_count": 31}, r"rank.onnx takes .*item_bias \(30\).* asks for .*item_bias \(31\)"),
        ({"list_length": 9}, r"rank.onnx gives top_item \(B, 10\).* asks for top_item \(B, 9\)"),
    ],
)
def test_graphs_of_other_shapes_than_the_manifest_are_refused(
    tiny_artifact: Artifact, changed: dict[str, object], message: str
) -> None:
    """Before the first click, naming the graph and both shapes."""
    manifest = msgspec.convert({**msgspec.structs.asdict(tiny_artifact.manifest), **changed}, Manifest)
    with pytest.raises(ArtifactError, match=message):
        ModelRuntime(_described_as(tiny_artifact, manifest))


def test_a_graph_that_onnxruntime_cannot_open_is_refused(tiny_artifact: Artifact, tmp_path: Path) -> None:
    """The exceptions of onnxruntime have no common base: ours names the file and the version."""
    (tmp_path / "step.onnx").write_bytes(b"no graph")
    with pytest.raises(ArtifactError, match=r"onnxruntime .* cannot open .*step.onnx"):
        ModelRuntime(Artifact(tmp_path, tiny_artifact.manifest))


def test_inputs_that_do_not_fit_are_named(tiny_artifact: Artifact) -> None:
    """An item that the vocabulary does not have, a state of another shape: one of our errors, with the shapes."""
    runtime = ModelRuntime(tiny_artifact)
    no_features = np.zeros((1, 0), np.float32)
    with pytest.raises(ArtifactError, match=r"step.onnx does not run on .*item_index \(1\)"):
        runtime.step(np.array([30]), no_features, runtime.initial_state(1))
    with pytest.raises(ArtifactError, match=r"rank.onnx does not run on exclude_index \(1, 4\)"):
        runtime.rank(runtime.initial_state(1), no_exclusions(1, 4), np.zeros(30, np.float32))
