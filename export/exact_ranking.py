"""Ranks by float32 scores of the whole catalogue.

1. Score every item: one matrix product, the items' bias in it.
2. Mask what may not be listed, and add what is added to single items.
3. Take the K best blocks by the best score in each. No item of another block can be among the best K.
4. Take the K best items in them.

Of items with equal scores in those blocks the one with the lower index comes first.

Legend: B users, V items, P items and padding, D query size, K list length, M items of a block.
"""

import numpy as np

from export.graph_builder import GraphBuilder
from export.ranking_head import RankingHead
from export.ranking_nodes import (
    RankedList,
    RankingInputs,
    block_maxima,
    change,
    in_order_of_index,
    largest,
    members,
    padded_bias,
    ranked_list,
    row_changes,
)

BLOCK = 16
# Below, the top K of all scores costs less than the five nodes that blocks take.
BLOCKS_FROM_ITEMS = 4096


def add_exact_ranking(builder: GraphBuilder, head: RankingHead, inputs: RankingInputs) -> RankedList:
    """Add the exact ranking to a graph."""
    block = BLOCK if head.item_count >= BLOCKS_FROM_ITEMS else 1
    blocks = -(-head.item_count // block)
    table = builder.constant(head.padded_table(blocks * block))
    bias = padded_bias(builder, head, inputs.item_bias, blocks * block)
    scores = builder.node("Gemm", inputs.query, table, bias, attributes={"transB": 1})  # (B, P)

    zero = builder.constant(np.int64(0))
    index, amount = row_changes(builder, inputs)
    is_change = builder.node("GreaterOrEqual", index, zero)
    listable = change(builder, scores, builder.node("Max", index, zero), is_change, amount)
    if block == 1:
        top_score, top_item = builder.node_of_many("TopK", listable, builder.integers(head.list_length), outputs=2)
        return RankedList(top_item, top_score)

    maxima = block_maxima(builder, listable, block=block, blocks=blocks)
    best = in_order_of_index(builder, largest(builder, maxima, head.list_length)[1], head.list_length)
    candidates = members(builder, best, block=block, stride=blocks)
    found = builder.node("GatherElements", listable, candidates, attributes={"axis": 1})
    return ranked_list(builder, head, found, candidates)
