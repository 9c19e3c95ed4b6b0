"""A network's two ONNX graphs: one advances the state, the other ranks the catalogue.

    step.onnx    item_index int64 (B,), features float32 (B, F) where F > 0, each state tensor float32 (B, ...)
                 -> each state tensor, its name with `_next`
    rank.onnx    the state tensors that the scores depend on, exclude_index int64 (B, R), item_bias float32 (V,)
                 -> top_item int64 (B, K), top_score float32 (B, K)

Legend: B users in the batch (the one dynamic axis), F feature columns, V items, K list length, R ring length.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import signature
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn
from torch.onnx import ONNXProgram

from export.recurrent_network import RecurrentNetwork, TorchState
from models.errors import ArtifactError

# The newest opset whose LSTM, TopK and ScatterElements onnxruntime 1.31 runs by its own kernels without conversion.
OPSET = 20
# torch specialises an example axis of 0 or 1 into a constant: the example must have more users than that.
EXAMPLE_BATCH = 2


def export_step_graph(network: RecurrentNetwork, path: Path) -> None:
    """Write `step.onnx`."""
    item_index = torch.zeros(EXAMPLE_BATCH, dtype=torch.int64)
    if network.feature_width:
        module: nn.Module = _Step(network)
        example = {"item_index": item_index, "features": torch.zeros(EXAMPLE_BATCH, network.feature_width)}
    else:
        module = _StepWithoutFeatures(network)
        example = {"item_index": item_index}
    _write(
        _export(module, {**example, **_zero_state(network)}, [f"{name}_next" for name in network.state_shapes]), path
    )


def export_rank_graph(network: RecurrentNetwork, path: Path, *, list_length: int, ring_length: int) -> None:
    """Write `rank.onnx`.

    Args:
        network: The network.
        path: Where the graph goes.
        list_length: K, at most V.
        ring_length: R, the columns of `exclude_index`.
    """
    state = _zero_state(network)
    with torch.no_grad():
        item_count = network.scores(tuple(state.values())).shape[1]
    exclude_index = torch.full((EXAMPLE_BATCH, ring_length), -1, dtype=torch.int64)
    example = {**state, "exclude_index": exclude_index, "item_bias": torch.zeros(item_count)}
    program = _export(_Rank(network, list_length), example, ["top_item", "top_score"])
    # An LSTM scores from `hidden` alone: the worker need not carry `cell` to the graph.
    inputs = program.model.graph.inputs
    for value in [value for value in inputs if value.name in state and not value.uses()]:
        inputs.remove(value)
    _write(program, path)


class _Step(nn.Module):
    """`RecurrentNetwork.step` with each state tensor as an input of its own."""

    def __init__(self, network: RecurrentNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, item_index: Tensor, features: Tensor, *state: Tensor) -> TorchState:
        return self.network.step(item_index, features, state)


class _StepWithoutFeatures(nn.Module):
    """The same for a network without features: the graph has no such input."""

    def __init__(self, network: RecurrentNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, item_index: Tensor, *state: Tensor) -> TorchState:
        return self.network.step(item_index, torch.zeros(item_index.shape[0], 0), state)


class _Rank(nn.Module):
    """Scores, plus the items' bias, minus what may not be listed, and the best K of them."""

    def __init__(self, network: RecurrentNetwork, list_length: int) -> None:
        super().__init__()
        self.network = network
        self.list_length = list_length

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        *state, exclude_index, item_bias = inputs
        scores = self.network.scores(tuple(state)) + item_bias  # (B, V)
        # Adding -inf masks without a padded copy of the scores; the padding adds 0 to item 0. The sum is never NaN:
        # a bias is finite or -inf, and -inf + -inf is -inf.
        penalty = torch.where(exclude_index < 0, 0.0, float("-inf"))  # (B, R)
        listable = scores.scatter_add(1, exclude_index.clamp(min=0), penalty)
        top_score, top_item = torch.topk(listable, self.list_length)
        return top_item, top_score


def _zero_state(network: RecurrentNetwork) -> dict[str, Tensor]:
    return {name: torch.zeros(EXAMPLE_BATCH, *shape) for name, shape in network.state_shapes.items()}


def _export(module: nn.Module, example: Mapping[str, Tensor], outputs: Sequence[str]) -> ONNXProgram:
    """Translate a module whose inputs are those of `example`, in order; all but `item_bias` have a batch axis."""
    users = torch.export.Dim("B")
    shapes = [None if name == "item_bias" else {0: users} for name in example]
    named = sum(
        parameter.kind is not parameter.VAR_POSITIONAL for parameter in signature(module.forward).parameters.values()
    )
    with _quiet_exporter():
        program = torch.onnx.export(
            module.eval(),
            tuple(example.values()),
            dynamo=True,
            # torch.export counts what `*state` collects as one argument: its shapes lie one level deeper.
            dynamic_shapes=(*shapes[:named], tuple(shapes[named:])),
            input_names=list(example),
            output_names=outputs,
            opset_version=OPSET,
            verbose=False,
        )
    if program is None:
        raise ArtifactError(f"torch {torch.__version__} exported nothing: install the version that pyproject names.")
    return program


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Keep the exporter's notes on its own internals (operators of torchvision, attributes it set) off the terminal."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _write(program: ONNXProgram, path: Path) -> None:
    """Write a graph as the same bytes wherever it was made: the exporter notes source files and their paths in it."""
    model = program.model
    model.metadata_props.clear()
    model.graph.metadata_props.clear()
    for value in (*model.graph.inputs, *model.graph.outputs, *model.graph.initializers.values()):
        value.metadata_props.clear()
    for node in model.graph.all_nodes():
        node.metadata_props.clear()
        node.doc_string = None
        for value in node.outputs:
            value.metadata_props.clear()
    proto = program.model_proto
    onnx.checker.check_model(proto)
    path.write_bytes(proto.SerializeToString(deterministic=True))
