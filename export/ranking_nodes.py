"""Pieces that every composed ranking graph is made of.

Legend: B users, V items, P items and padding, K list length, R ring length, M items of a block, N candidates.
"""

from typing import NamedTuple

import numpy as np

from export.graph_builder import GraphBuilder
from export.ranking_head import RankingHead


class RankingInputs(NamedTuple):
    """The names of a ranking graph's inputs inside it.

    Attributes:
        query: float32 (B, D).
        exclude_index: int64 (B, R), padded with -1.
        item_bias: float32 (V,).
    """

    query: str
    exclude_index: str
    item_bias: str


class RankedList(NamedTuple):
    """The names of a ranking graph's results inside it.

    Attributes:
        top_item: int64 (B, K).
        top_score: float32 (B, K).
    """

    top_item: str
    top_score: str


def padded_bias(builder: GraphBuilder, head: RankingHead, item_bias: str, count: int) -> str:
    """Add the items' own offsets to their bias and -inf for the padding behind them, (P,)."""
    bias = builder.node("Add", item_bias, builder.constant(head.item_offset))
    if count == head.item_count:
        return bias
    padding = builder.constant(np.full(count - head.item_count, -np.inf, np.float32))
    return builder.node("Concat", bias, padding, attributes={"axis": 0})


def mask(builder: GraphBuilder, scores: str, columns: str, is_masked: str) -> str:
    """Add -inf to some scores of each row.

    Adding masks without a second copy of the scores, and adding 0 leaves alone what a column that masks nothing points
    at. The sum is never NaN: a score is finite or -inf.

    Args:
        builder: The graph.
        scores: float32 (B, V).
        columns: int64 (B, R), each in range.
        is_masked: bool (B, R).
    """
    penalty = builder.node("Where", is_masked, builder.constant(np.float32(-np.inf)), builder.constant(np.float32(0)))
    return builder.node("ScatterElements", scores, columns, penalty, attributes={"axis": 1, "reduction": "add"})


def block_maxima(builder: GraphBuilder, scores: str, *, block: int, blocks: int) -> str:
    """Return the best score of each block, (B, blocks), of scores (B, block * blocks).

    A block's members lie `blocks` apart: the maximum then runs over whole vectors, four times as fast as over
    neighbours.
    """
    by_member = builder.node("Reshape", scores, builder.integers(0, block, blocks))  # (B, M, blocks)
    return builder.node("ReduceMax", by_member, builder.integers(1), attributes={"keepdims": 0})


def members(builder: GraphBuilder, block_index: str, *, block: int, stride: int) -> str:
    """Return the columns of the members of some blocks, int64 (B, M * N), in order where the blocks are in order."""
    offsets = builder.constant(np.arange(block, dtype=np.int64)[:, None] * stride)
    columns = builder.node("Add", builder.node("Unsqueeze", block_index, builder.integers(1)), offsets)  # (B, M, N)
    return builder.node("Reshape", columns, builder.integers(0, -1))


def largest(builder: GraphBuilder, values: str, count: int) -> tuple[str, str]:
    """Return the largest values of each row and their columns, both (B, count), in no order worth relying on."""
    top, columns = builder.node_of_many("TopK", values, builder.integers(count), outputs=2, attributes={"sorted": 0})
    return top, columns


def in_order_of_index(builder: GraphBuilder, index: str, count: int) -> str:
    """Sort indices, int64 (B, count): of equal scores, the lower index then comes first in what follows."""
    return builder.node_of_many(
        "TopK", index, builder.integers(count), outputs=2, attributes={"largest": 0, "sorted": 1}
    )[0]


def ranked_list(builder: GraphBuilder, head: RankingHead, scores: str, candidates: str) -> RankedList:
    """List the best K of some candidates.

    Args:
        builder: The graph.
        head: Its K, and V: where nothing more may be listed, padding may come; its index is brought into range.
        scores: float32 (B, N).
        candidates: Their items, int64 (B, N).
    """
    top_score, columns = builder.node_of_many("TopK", scores, builder.integers(head.list_length), outputs=2)
    top_item = builder.node("GatherElements", candidates, columns, attributes={"axis": 1})
    last = builder.constant(np.int64(head.item_count - 1))
    return RankedList(builder.node("Min", top_item, last), top_score)
