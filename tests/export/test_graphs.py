import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from export.artifact import Artifact
from export.graphs import export_step_graph
from export.rank_graph import export_rank_graph
from tests.factories import make_tiny_network


def _signature(path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return the inputs and outputs of a graph, each as `type (axes)`."""
    graph = onnx.load(path).graph

    def spelled(value: onnx.ValueInfoProto) -> str:
        tensor = value.type.tensor_type
        axes = ", ".join(axis.dim_param or str(axis.dim_value) for axis in tensor.shape.dim)
        return f"{onnx.TensorProto.DataType.Name(tensor.elem_type).lower()} ({axes})"

    return {value.name: spelled(value) for value in graph.input}, {value.name: spelled(value) for value in graph.output}


def test_step_takes_a_click_and_a_state_and_gives_the_next(tmp_path: Path) -> None:
    """The contract's table, with features: B is the one dynamic axis."""
    network = make_tiny_network(layers=2, feature_width=3)
    export_step_graph(network, tmp_path / "step.onnx")
    assert _signature(tmp_path / "step.onnx") == (
        {"item_index": "int64 (B)", "features": "float (B, 3)", "hidden": "float (B, 2, 8)", "cell": "float (B, 2, 8)"},
        {"hidden_next": "float (B, 2, 8)", "cell_next": "float (B, 2, 8)"},
    )


def test_step_of_a_network_without_features_has_no_such_input(tiny_artifact: Artifact) -> None:
    """A worker need not make up an empty one."""
    inputs, _ = _signature(tiny_artifact.step_path)
    assert list(inputs) == ["item_index", "hidden", "cell"]


def test_rank_takes_only_the_state_that_scores_depend_on(tiny_artifact: Artifact) -> None:
    """An LSTM's `cell` says nothing about the list."""
    assert _signature(tiny_artifact.rank_path) == (
        {"hidden": "float (B, 1, 8)", "exclude_index": "int64 (B, 5)", "item_bias": "float (30)"},
        {"top_item": "int64 (B, 10)", "top_score": "float (B, 10)"},
    )


def test_the_opset_is_the_stated_one(tiny_artifact: Artifact) -> None:
    """An upgrade of torch does not change what onnxruntime must know."""
    assert [opset.version for opset in onnx.load(tiny_artifact.step_path).opset_import] == [20]


@pytest.mark.parametrize("name", ["step.onnx", "rank.onnx"])
def test_no_path_of_this_machine_is_inside(tiny_artifact: Artifact, name: str) -> None:
    """The exporter notes stack traces in every node: whoever gets the artifact need not know our folders."""
    content = (tiny_artifact.folder / name).read_bytes()
    for trace in (str(Path(__file__).parents[2]), sys.prefix, "site-packages", ".py", "stack_trace"):
        assert trace.encode() not in _without_weights(content), trace


def _without_weights(content: bytes) -> bytes:
    """Return a graph without the numbers in it, which may spell anything."""
    model = onnx.load_from_string(content)
    for initializer in model.graph.initializer:
        initializer.raw_data = b""
    stripped: bytes = model.SerializeToString()
    return stripped


@pytest.mark.slow
def test_another_process_writes_the_same_bytes(tiny_artifact: Artifact, tmp_path: Path) -> None:
    """The same model has the same id, whoever exports it, whenever: hash seeds leave no trace."""
    program = (
        "import sys; from pathlib import Path; from tests.factories import make_tiny_artifact;"
        "make_tiny_artifact(Path(sys.argv[1]))"
    )
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "again")],
        check=True,
        cwd=Path(__file__).parents[2],
        env={"PYTHONHASHSEED": "7", "PATH": ""},
    )
    for name in ("manifest.json", "step.onnx", "rank.onnx", "items.parquet"):
        assert (tmp_path / "again" / name).read_bytes() == (tiny_artifact.folder / name).read_bytes(), name


def test_the_exporter_is_quiet(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Its notes on operators of torchvision and the like are not for our users."""
    export_rank_graph(make_tiny_network(), tmp_path / "rank.onnx", list_length=10, ring_length=5)
    assert capfd.readouterr() == ("", "")
