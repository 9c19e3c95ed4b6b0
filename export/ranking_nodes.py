"""Pieces that every composed ranking graph is made of.

Legend: B users, V items, P items and padding, K list length, R ring length, A additions of a row, M items of a block,
N candidates.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from export.graph_builder import GraphBuilder
from export.ranking_head import RankingHead


class SparseAdditions(NamedTuple):
    """The names of what is added to a few items' scores, for each row another few.

    Attributes:
        item_index: The items, int64 (B, A), padded with -1; one that occurs twice is added to twice.
        value: What is added, float32 (B, A), finite; of no account where that is -1.
    """

    item_index: str
    value: str


class RankingInputs(NamedTuple):
    """The names of a ranking graph's inputs inside it.

    Attributes:
        query: float32 (B, D).
        exclude_index: int64 (B, R), padded with -1.
        item_bias: float32 (V,).
        additions: Added to the scores before the top K is taken; what is masked stays masked. None: there are none.
    """

    query: str
    exclude_index: str
    item_bias: str
    additions: SparseAdditions | None = None


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


def joined_additions(builder: GraphBuilder, parts: Sequence[SparseAdditions]) -> SparseAdditions | None:
    """Put additions side by side; None where there are none."""
    if not parts:
        return None
    if len(parts) == 1:
        return parts[0]
    index = builder.node("Concat", *(part.item_index for part in parts), attributes={"axis": 1})
    return SparseAdditions(index, builder.node("Concat", *(part.value for part in parts), attributes={"axis": 1}))


class RowChanges(NamedTuple):
    """The names of what changes a few scores of each row.

    Attributes:
        item_index: The items, int64 (B, R + A), -1 where nothing changes.
        amount: What is added to their scores, float32 (B, R + A), -inf where an item is masked; None: all of them are.
    """

    item_index: str
    amount: str | None


def row_changes(builder: GraphBuilder, inputs: RankingInputs) -> RowChanges:
    """Join what may not be listed and what is added: a pass over the scores then makes both changes."""
    if inputs.additions is None:
        return RowChanges(inputs.exclude_index, None)
    index = builder.node("Concat", inputs.exclude_index, inputs.additions.item_index, attributes={"axis": 1})
    masked, shape = builder.constant(np.float32(-np.inf)), builder.node("Shape", inputs.exclude_index)
    penalty = builder.node("Expand", masked, shape)
    return RowChanges(index, builder.node("Concat", penalty, inputs.additions.value, attributes={"axis": 1}))


def change(builder: GraphBuilder, scores: str, columns: str, is_change: str, amount: str | None) -> str:
    """Add to some scores of each row; -inf masks them.

    Adding masks without a second copy of the scores, and adding 0 leaves alone what a column that changes nothing
    points at. The sum is never NaN: a score is finite or -inf, and so is what is added.

    Args:
        builder: The graph.
        scores: float32 (B, V).
        columns: int64 (B, R + A), each in range.
        is_change: bool (B, R + A); False where the column stands for nothing.
        amount: float32 (B, R + A), or None as in `RowChanges`.
    """
    amount = builder.constant(np.float32(-np.inf)) if amount is None else amount
    added = builder.node("Where", is_change, amount, builder.constant(np.float32(0)))
    return builder.node("ScatterElements", scores, columns, added, attributes={"axis": 1, "reduction": "add"})


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
