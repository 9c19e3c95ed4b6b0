"""Builds an ONNX graph node by node: values are names, and every name is used once."""

from collections.abc import Mapping

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

Attribute = int | str | list[int]

# Constants up to this size are kept once, however often they are asked for.
SHARED_BYTES = 1024


class GraphBuilder:
    """Collects the nodes and the constants of a graph.

    Args:
        prefix: Begins the name of every value, so that nodes from elsewhere may join the graph.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self._shared: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def node(self, operator: str, *inputs: str, attributes: Mapping[str, Attribute] | None = None) -> str:
        """Add a node and return the name of its output."""
        return self.node_of_many(operator, *inputs, outputs=1, attributes=attributes)[0]

    def node_of_many(
        self, operator: str, *inputs: str, outputs: int, attributes: Mapping[str, Attribute] | None = None
    ) -> list[str]:
        """Add a node with several outputs and return their names."""
        name = f"{self._prefix}.{len(self.nodes)}.{operator}"
        names = [f"{name}.{number}" for number in range(outputs)]
        node = helper.make_node(operator, inputs, names, name=name)
        node.attribute.extend(helper.make_attribute(key, value) for key, value in (attributes or {}).items())
        self.nodes.append(node)
        return names

    def constant(self, value: NDArray[np.generic] | np.generic) -> str:
        """Add a constant and return its name."""
        array = np.ascontiguousarray(value) if value.ndim else np.asarray(value)
        key = (array.dtype.str, array.shape, array.tobytes() if array.nbytes <= SHARED_BYTES else b"")
        if array.nbytes <= SHARED_BYTES and key in self._shared:
            return self._shared[key]
        name = f"{self._prefix}.constant.{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(array, name))
        if array.nbytes <= SHARED_BYTES:
            self._shared[key] = name
        return name

    def integers(self, *values: int) -> str:
        """Add a shape, a list of axes or the like: int64, one axis."""
        return self.constant(np.array(values, dtype=np.int64))

    def rename(self, value: str, name: str) -> None:
        """Give a value the name of an output of the graph."""
        self.nodes.append(helper.make_node("Identity", [value], [name], name=f"{self._prefix}.{name}"))


def batched(name: str, dtype: int, *shape: int) -> onnx.ValueInfoProto:
    """Describe an input or output whose first axis is the batch's."""
    return helper.make_tensor_value_info(name, dtype, ["B", *shape])
