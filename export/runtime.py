"""The two graphs in onnxruntime, as the worker, the offline evaluation and `recommend` run them.

Legend: B users in the batch, F feature columns, V items, K list length, R ring length.
"""

from collections.abc import Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from export.artifact import Artifact
from models.errors import ArtifactError

# A user's state: one array a tensor of the manifest, in its order, each (B, ...) in the stored dtype.
State = tuple[NDArray[np.floating], ...]


class ModelRuntime:
    """An artifact's graphs, ready to run; holds no user's state.

    Args:
        artifact: A loaded artifact.
        threads: onnxruntime's intra-op threads. One is right for a worker: it shares its core with nobody.

    Raises:
        ArtifactError: If onnxruntime cannot open a graph, or its inputs are not the ones the manifest asks for.
    """

    def __init__(self, artifact: Artifact, *, threads: int = 1) -> None:
        self.manifest = artifact.manifest
        self._step = _open_session(artifact, "step", threads)
        self._rank = _open_session(artifact, "rank", threads)
        names = [tensor.name for tensor in self.manifest.state]
        self._step_outputs = [f"{name}_next" for name in names]
        self._rank_state = [name for name in names if name in {node.name for node in self._rank.get_inputs()}]
        self._check_inputs(
            "step", self._step, {"item_index", *names, *(["features"] if self.manifest.features else [])}
        )
        self._check_inputs("rank", self._rank, {"exclude_index", "item_bias", *self._rank_state})

    def initial_state(self, batch_size: int) -> State:
        """Return the state of B users who have clicked nothing: zeros."""
        return tuple(np.zeros((batch_size, *tensor.shape), dtype=tensor.dtype) for tensor in self.manifest.state)

    def step(self, item_index: NDArray[np.int64], features: NDArray[np.float32], state: State) -> State:
        """Advance B users by one click each.

        Args:
            item_index: The item each clicked, (B,).
            features: The clicks' features, (B, F); F may be 0.
            state: Their states before the click.

        Returns:
            Their states after it, rounded to the stored dtype: what the worker keeps is what it computes with.
        """
        inputs = {"item_index": item_index, **self._widened(state)}
        if self.manifest.features:
            inputs["features"] = features
        advanced: list[NDArray[np.float32]] = self._step.run(self._step_outputs, inputs)
        return tuple(
            tensor.astype(declared.dtype, copy=False)
            for tensor, declared in zip(advanced, self.manifest.state, strict=True)
        )

    def rank(
        self, state: State, exclude_index: NDArray[np.int64], item_bias: NDArray[np.float32]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rank the catalogue for B users.

        Args:
            state: Their states.
            exclude_index: Items that may not be listed, (B, R), padded with -1; masked before the top K is taken.
            item_bias: Added to every score, (V,); -inf where an item is not available.

        Returns:
            top_item (B, K) and top_score (B, K), best first; where fewer than K items may be listed the rest is -inf.
        """
        widened = self._widened(state)
        inputs = {name: widened[name] for name in self._rank_state}
        top_item, top_score = self._rank.run(
            ["top_item", "top_score"], {**inputs, "exclude_index": exclude_index, "item_bias": item_bias}
        )
        return top_item, top_score

    def _widened(self, state: State) -> dict[str, NDArray[np.float32]]:
        return {
            tensor.name: rows.astype(np.float32, copy=False)
            for tensor, rows in zip(self.manifest.state, state, strict=True)
        }

    def _check_inputs(self, graph: str, session: onnxruntime.InferenceSession, expected: set[str]) -> None:
        found = {node.name for node in session.get_inputs()}
        if found != expected:
            raise ArtifactError(
                f"{graph}.onnx takes {sorted(found)}, the manifest asks for {sorted(expected)}: export the model again."
            )


def no_exclusions(batch_size: int, ring_length: int) -> NDArray[np.int64]:
    """Return an `exclude_index` that leaves nothing out, (B, R)."""
    return np.full((batch_size, ring_length), -1, dtype=np.int64)


def _open_session(artifact: Artifact, graph: str, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    path = artifact.step_path if graph == "step" else artifact.rank_path
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a family of its own without a common base
        raise ArtifactError(f"onnxruntime {onnxruntime.__version__} cannot open {path}: {error}") from error


def gather_state(rows: Sequence[State]) -> State:
    """Stack the states of users, each (1, ...), into one batch (B, ...)."""
    return tuple(np.concatenate(tensors) for tensors in zip(*rows, strict=True))
