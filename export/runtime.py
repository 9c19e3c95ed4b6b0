"""The two graphs in onnxruntime, as the worker, the offline evaluation and `recommend` run them.

Legend: B users in the batch, F feature columns, V items, K list length, R ring length, A boosts of a user.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from export.artifact import Artifact
from models.boosts import Boosts, no_boosts
from models.errors import ArtifactError
from models.sequences.features import feature_width

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
        self._step_state = [tensor.name for tensor in self.manifest.state]
        self._step_outputs = [f"{tensor.name}_next" for tensor in self.manifest.state]
        self._rank_state = self._check_shapes(artifact)

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
        inputs: _Inputs = {"item_index": item_index, **self._widened(state, self._step_state)}
        if self.manifest.features:
            inputs["features"] = features
        with _named_errors("step", inputs):
            advanced: list[NDArray[np.float32]] = self._step.run(self._step_outputs, inputs)
        return tuple(
            tensor.astype(declared.dtype, copy=False)
            for tensor, declared in zip(advanced, self.manifest.state, strict=True)
        )

    def rank(
        self,
        state: State,
        exclude_index: NDArray[np.int64],
        item_bias: NDArray[np.float32],
        boosts: Boosts | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rank the catalogue for B users.

        Args:
            state: Their states.
            exclude_index: Items that may not be listed, (B, R), padded with -1; masked before the top K is taken.
            item_bias: Added to every score, (V,); -inf where an item is not available.
            boosts: Added to a few scores of each user, (B, A); None: nothing is.

        Returns:
            top_item (B, K) and top_score (B, K), best first; where fewer than K items may be listed the rest is -inf.

        Raises:
            ArtifactError: If the graph does not run on these shapes, or there are boosts and it takes none.
        """
        inputs: _Inputs = {
            **self._widened(state, self._rank_state),
            "exclude_index": exclude_index,
            "item_bias": item_bias,
            **self._boosts(len(exclude_index), boosts),
        }
        with _named_errors("rank", inputs):
            top_item, top_score = self._rank.run(["top_item", "top_score"], inputs)
        return top_item, top_score

    def _boosts(self, batch_size: int, boosts: Boosts | None) -> "_Inputs":
        boost_length = self.manifest.boost_length
        if not boost_length:
            if boosts is not None:
                raise ArtifactError("This model takes no boosts: export it with a recipe for live counts.")
            return {}
        index, value = no_boosts(batch_size, boost_length) if boosts is None else boosts
        return {"boost_index": index, "boost_value": value}

    def _widened(self, state: State, names: Collection[str]) -> dict[str, NDArray[np.float32]]:
        """Return some tensors in float32, and no more than asked for: numpy takes .2 us a user for 128 numbers."""
        return {
            tensor.name: rows.astype(np.float32, copy=False)
            for tensor, rows in zip(self.manifest.state, state, strict=True)
            if tensor.name in names
        }

    def _check_shapes(self, artifact: Artifact) -> list[str]:
        """Compare both graphs with the manifest; return the state tensors that ranking needs."""
        manifest = self.manifest
        state: _Shapes = {tensor.name: (None, *tensor.shape) for tensor in manifest.state}
        advanced: _Shapes = {f"{name}_next": shape for name, shape in state.items()}
        width = feature_width(manifest.features)
        click: _Shapes = {"item_index": (None,)} | ({"features": (None, width)} if width else {})
        _check(f"{artifact.step_path} takes", self._step.get_inputs(), click | state)
        _check(f"{artifact.step_path} gives", self._step.get_outputs(), advanced)

        rank_inputs = {node.name for node in self._rank.get_inputs()}
        ranked: _Shapes = {name: shape for name, shape in state.items() if name in rank_inputs}
        rules: _Shapes = {"exclude_index": (None, manifest.ring_length), "item_bias": (manifest.item_count,)}
        if manifest.boost_length:
            rules |= dict.fromkeys(("boost_index", "boost_value"), (None, manifest.boost_length))
        top: _Shapes = {"top_item": (None, manifest.list_length), "top_score": (None, manifest.list_length)}
        _check(f"{artifact.rank_path} takes", self._rank.get_inputs(), ranked | rules)
        _check(f"{artifact.rank_path} gives", self._rank.get_outputs(), top)
        return list(ranked)


# The shape of each input or output by name; None where the axis is dynamic.
_Shapes = dict[str, tuple[int | None, ...]]
_Inputs = dict[str, NDArray[np.float32] | NDArray[np.int64]]


def _check(what: str, nodes: Sequence[onnxruntime.NodeArg], expected: _Shapes) -> None:
    found = {node.name: tuple(axis if isinstance(axis, int) else None for axis in node.shape) for node in nodes}
    if found != expected:
        raise ArtifactError(
            f"{what} {_spelled(found)}; the manifest asks for {_spelled(expected)}: export the model again."
        )


def _spelled(shapes: _Shapes) -> str:
    """Spell out shapes, B for a dynamic axis: `cell (B, 1, 8), hidden (B, 1, 8)`."""
    return ", ".join(
        f"{name} ({', '.join('B' if axis is None else str(axis) for axis in shape)})"
        for name, shape in sorted(shapes.items())
    )


@contextmanager
def _named_errors(graph: str, inputs: _Inputs) -> Iterator[None]:
    """Turn onnxruntime's errors, a family without a common base, into one of ours."""
    try:
        yield
    except Exception as error:
        given = _spelled({name: tensor.shape for name, tensor in inputs.items()})
        raise ArtifactError(
            f"{graph}.onnx does not run on {given} in onnxruntime {onnxruntime.__version__}: {error}"
        ) from error


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
