"""From torch to ONNX, and a network's first graph: the one that advances the state.

    step.onnx    item_index int64 (B,), features float32 (B, F) where F > 0, each state tensor float32 (B, ...)
                 -> each state tensor, its name with `_next`

The other one is in `export.rank_graph`.

Legend: B users in the batch (the one dynamic axis), F feature columns.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import signature
from pathlib import Path

import onnx
import torch
from onnx_ir.passes.common import CommonSubexpressionEliminationPass
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
    outputs = [f"{name}_next" for name in network.state_shapes]
    write_graph(exported(module, {**example, **zero_state(network)}, outputs), path)


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


def zero_state(network: RecurrentNetwork) -> dict[str, Tensor]:
    """Return example states by name, each (B, ...)."""
    return {name: torch.zeros(EXAMPLE_BATCH, *shape) for name, shape in network.state_shapes.items()}


def exported(module: nn.Module, example: Mapping[str, Tensor], outputs: Sequence[str]) -> onnx.ModelProto:
    """Translate a module whose inputs are those of `example`, in order; all but `item_bias` have a batch axis.

    What occurs twice is computed once: a network's query is needed for its additions too, say.

    What the exporter notes of source files and their paths is left out, so that the same network gives the same bytes
    wherever it is exported.
    """
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
            opset_version=OPSET,
            # Further down: it folds a weight that occurs twice into two constants, which nothing recognises as one.
            optimize=False,
            verbose=False,
        )
        if program is None:
            raise ArtifactError(
                f"torch {torch.__version__} exported nothing: install the version that pyproject names."
            )
        CommonSubexpressionEliminationPass()(program.model)
        program.optimize()
    # Last of all: the optimiser gives an input that is an output another name.
    graph = program.model.graph
    for value, name in zip((*graph.inputs, *graph.outputs), (*example, *outputs), strict=True):
        value.name = name
    _strip_notes(program)
    return program.model_proto


def drop_unused_inputs(model: onnx.ModelProto) -> None:
    """Leave out inputs that nothing depends on: an LSTM scores from `hidden` alone, no worker need carry `cell`."""
    used = {name for node in model.graph.node for name in node.input} | {value.name for value in model.graph.output}
    kept = [value for value in model.graph.input if value.name in used]
    del model.graph.input[:]
    model.graph.input.extend(kept)


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


def _strip_notes(program: ONNXProgram) -> None:
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


def write_graph(model: onnx.ModelProto, path: Path) -> None:
    """Check a graph and write it, the same graph as the same bytes."""
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))
