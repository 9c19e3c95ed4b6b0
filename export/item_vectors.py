"""The vectors that an artifact's scores are dot products with, read back out of rank.onnx.

Needs onnx, from the extra `train`: a worker has no use for single vectors, and `export.runtime` none for onnx.

Legend: V items, P items and padding, D query size, M items of a block.
"""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from export.artifact import Artifact, CoarseRanking
from models.errors import ArtifactError


def read_item_vectors(artifact: Artifact) -> NDArray[np.float32]:
    """Return the table that queries are compared with, (V, D).

    Raises:
        ArtifactError: If the model's scores are no dot products of vectors.
    """
    manifest = artifact.manifest
    table = item_table_of(artifact.rank_path, manifest.item_count, manifest.ranking.coarse)
    # Counted models multiply one number by ones: all items would be alike.
    if table is None or table.shape[1] == 1:
        raise ArtifactError(
            f"Model {manifest.model_id} does not score by dot products with items' vectors: there are none to compare. "
            "Compare items by the sessions that hold them: --dataset NAME in place of --artifact."
        )
    return table


def item_table_of(path: Path, item_count: int, coarse: CoarseRanking | None) -> NDArray[np.float32] | None:
    """Find the items' table in a ranking graph, as `exact_ranking` and `int8_ranking` lay it out.

    Args:
        path: rank.onnx.
        item_count: V.
        coarse: How an int8 ranking narrows the catalogue down; None: it ranks exactly.

    Returns:
        The table, (V, D); None where the graph was not composed around one.
    """
    graph = onnx.load(path).graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    # An exact ranking multiplies by the table itself, a coarse one by its codes, (D, P) or a tile of it.
    operation = "Gemm" if coarse is None else "MatMulInteger"
    factors = [
        numpy_helper.to_array(constants[node.input[1]])
        for node in graph.node
        if node.op_type == operation and node.input[1] in constants
    ]
    if coarse is None:
        return next((table[:item_count] for table in factors if len(table) >= item_count), None)
    if not factors:
        return None
    size, block = factors[0].shape[0], coarse.items_per_block
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or not tensor.dims:
            continue
        rows, width = tensor.dims[0], tuple(tensor.dims[1:])
        if width == (size,) and rows >= item_count:
            return numpy_helper.to_array(tensor)[:item_count]
        # A row a block, whose members lie as many items apart as there are blocks.
        if width == (block * size,) and rows * block >= item_count:
            by_block = numpy_helper.to_array(tensor).reshape(rows, block, size)
            return by_block.transpose(1, 0, 2).reshape(rows * block, size)[:item_count]
    return None
