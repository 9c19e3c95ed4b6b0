"""Ranks by coarse int8 scores of the whole catalogue, and by exact float32 scores of the best of them.

1. Quantise each query by a scale of its own: a scale over the batch would let a list depend on its neighbours.
2. Score the catalogue coarsely, tile by tile, the items' bias added in float32: what is not available is -inf here
   already, and hides nothing that is.
3. Mask what may not be listed, for the same reason, and add what is added to single items: the best of them are then
   among the candidates like any other item.
4. Keep the best coarse score of each block of items; take the best blocks.
5. Candidates: where the catalogue is one tile its coarse scores are still there, and the best items of those blocks are
   taken by them; else all items of those blocks.
6. Score the candidates exactly, bias and additions included, and take the best K.

Block g has the items g, g + G, g + 2 G, ...: a maximum over blocks then runs over whole vectors. Of candidates with
equal exact scores the one with the lower index comes first.

Legend: B users, V items, P items and padding, D query size, K list length, R ring length, A additions of a row, G
blocks of the catalogue, C blocks taken, M items of a block, T tiles, N candidates.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from onnx import TensorProto

from export.artifact import CoarseRanking
from export.graph_builder import GraphBuilder
from export.int8_layout import BLOCKS_OF_GROUP, Layout, layout_of
from export.quantisation import QUERY_MAX, QUERY_ZERO, SMALLEST_SCALE, quantise_items
from export.ranking_head import RankingHead
from export.ranking_nodes import (
    RankedList,
    RankingInputs,
    SparseAdditions,
    block_maxima,
    change,
    in_order_of_index,
    largest,
    members,
    padded_bias,
    ranked_list,
    row_changes,
)

# Blocks are taken in two rounds from so many on: the best groups of them first.
GROUPS_FROM_BLOCKS = 4096


def add_int8_ranking(
    builder: GraphBuilder, head: RankingHead, inputs: RankingInputs, coarse: CoarseRanking
) -> RankedList:
    """Add the coarse and the exact ranking to a graph."""
    ranking = _Int8Ranking(builder, head, inputs, layout_of(head.item_count, coarse))
    scores = ranking.coarse_scores()
    blocks = ranking.best_blocks(scores)
    if coarse.tiles == 1:
        return ranking.list_of_items(*ranking.best_items(scores[0], blocks))
    return ranking.list_of_blocks(blocks)


class _Located(NamedTuple):
    """Where some items of each row lie, each (B, R) or so: whether it is an item at all, and its block and member."""

    is_item: str
    block: str
    member: str


class _Int8Ranking:
    """The steps of the module's docstring; each adds its nodes and returns the names of what they compute."""

    def __init__(self, builder: GraphBuilder, head: RankingHead, inputs: RankingInputs, layout: Layout) -> None:
        self._builder = builder
        self._head = head
        self._inputs = inputs
        self._layout = layout
        self._bias = padded_bias(builder, head, inputs.item_bias, layout.padded_count)  # (P,)
        changes = row_changes(builder, inputs)
        self._amount = changes.amount
        self._changed = self._locate(changes.item_index)  # (B, R + A)
        self._excluded = self._changed if inputs.additions is None else self._locate(inputs.exclude_index)  # (B, R)

    def coarse_scores(self) -> list[str]:
        """Score each tile, what is masked and what is added included, (B, M * tile_blocks) each."""
        builder, layout = self._builder, self._layout
        codes, query_scale = self._quantise_query()
        tables = self._head.padded_table(layout.padded_count).reshape(
            layout.coarse.items_per_block, layout.coarse.tiles, layout.tile_blocks, self._head.query_size
        )
        zero = builder.constant(np.uint8(QUERY_ZERO))
        scores = []
        for tile, (bias, columns, is_change) in enumerate(self._parts_of_tiles()):
            items = quantise_items(tables[:, tile].reshape(-1, self._head.query_size))
            products = builder.node("MatMulInteger", codes, builder.constant(items.codes.T), zero)
            # int32 to float32 by a scale a row, in one pass.
            scale = builder.node("Mul", query_scale, builder.constant(items.scale))
            unbiased = builder.node("DequantizeLinear", products, scale, attributes={"axis": 0})
            scores.append(change(builder, builder.node("Add", unbiased, bias), columns, is_change, self._amount))
        return scores

    def best_blocks(self, tile_scores: list[str]) -> str:
        """Return the blocks with the best coarse scores, (B, C), in no order."""
        builder, layout = self._builder, self._layout
        maxima = [
            block_maxima(builder, scores, block=layout.coarse.items_per_block, blocks=layout.tile_blocks)
            for scores in tile_scores
        ]
        if layout.blocks < GROUPS_FROM_BLOCKS:
            return largest(builder, self._joined(maxima), layout.taken)[1]

        groups = layout.tile_blocks // BLOCKS_OF_GROUP
        best_of_groups = [block_maxima(builder, one, block=BLOCKS_OF_GROUP, blocks=groups) for one in maxima]
        _, group = largest(builder, self._joined(best_of_groups), layout.taken)
        # Group number (tile * groups + column) to its first block (tile * tile_blocks + column).
        tile = builder.node("Div", group, builder.constant(np.int64(groups)))
        skipped = builder.node("Mul", tile, builder.constant(np.int64(layout.tile_blocks - groups)))
        first = builder.node("Add", group, skipped)
        blocks = members(builder, first, block=BLOCKS_OF_GROUP, stride=groups)
        found = builder.node("GatherElements", self._joined(maxima), blocks, attributes={"axis": 1})
        _, columns = largest(builder, found, layout.taken)
        return builder.node("GatherElements", blocks, columns, attributes={"axis": 1})

    def best_items(self, scores: str, blocks: str) -> tuple[str, str]:
        """Return the items with the best coarse scores in some blocks, (B, N), and whether each is masked."""
        builder, layout = self._builder, self._layout
        items = members(builder, blocks, block=layout.coarse.items_per_block, stride=layout.blocks)
        found = builder.node("GatherElements", scores, items, attributes={"axis": 1})
        _, columns = largest(builder, found, layout.items_taken)
        best = builder.node("GatherElements", items, columns, attributes={"axis": 1})
        best = in_order_of_index(builder, best, layout.items_taken)
        return best, builder.node("IsInf", builder.node("GatherElements", scores, best, attributes={"axis": 1}))

    def list_of_items(self, items: str, is_masked: str) -> RankedList:
        """Score items exactly and list the best."""
        builder = self._builder
        rows = builder.node("Gather", builder.constant(self._head.padded_table(self._layout.padded_count)), items)
        products = self._dot_products(rows)  # rows (B, N, D)
        return self._list(self._with_additions(products, self._additions_to_items, items), items, is_masked)

    def list_of_blocks(self, blocks: str) -> RankedList:
        """Score all items of some blocks exactly and list the best."""
        builder, layout, size = self._builder, self._layout, self._head.query_size
        block = layout.coarse.items_per_block
        blocks = in_order_of_index(builder, blocks, layout.taken)
        # A block's rows side by side: they are read from memory at random, and so in C places instead of C * M.
        by_member = self._head.padded_table(layout.padded_count).reshape(block, layout.blocks, size)
        table = builder.constant(by_member.transpose(1, 0, 2).reshape(layout.blocks, block * size))
        gathered = builder.node("Gather", table, blocks)  # (B, C, M * D)
        rows = builder.node("Reshape", gathered, builder.integers(0, layout.taken * block, size))
        by_block = builder.node("Reshape", self._dot_products(rows), builder.integers(0, layout.taken, block))
        products = builder.node("Transpose", by_block, attributes={"perm": [0, 2, 1]})  # (B, M, C), as items are
        items = members(builder, blocks, block=block, stride=layout.blocks)
        products = builder.node("Reshape", products, builder.integers(0, -1))
        products = self._with_additions(products, self._additions_to_members, blocks)
        return self._list(products, items, self._excluded_members(blocks))

    def _list(self, products: str, items: str, is_masked: str) -> RankedList:
        """List the best of some items by their exact scores, all (B, N)."""
        builder = self._builder
        scores = builder.node("Add", products, builder.node("Gather", self._bias, items))
        listable = builder.node("Where", is_masked, builder.constant(np.float32(-np.inf)), scores)
        return ranked_list(builder, self._head, listable, items)

    def _with_additions(
        self, products: str, additions_to: Callable[[SparseAdditions, str], str], candidates: str
    ) -> str:
        """Add what `additions_to` finds for some candidates to their products, (B, N), if anything is added at all."""
        additions = self._inputs.additions
        if additions is None:
            return products
        return self._builder.node("Add", products, additions_to(additions, candidates))

    def _additions_to_items(self, additions: SparseAdditions, items: str) -> str:
        """Sum what is added to each of some items, (B, N)."""
        builder = self._builder
        # Twice as many fit into a vector as of int64; there are that many comparisons.
        int32 = {"to": TensorProto.INT32}
        index = builder.node("Cast", additions.item_index, attributes=int32)
        index = builder.node("Unsqueeze", index, builder.integers(1))  # (B, 1, A)
        items = builder.node("Unsqueeze", builder.node("Cast", items, attributes=int32), builder.integers(2))
        is_meant = builder.node("Equal", items, index)  # (B, N, A)
        is_meant = builder.node("Cast", is_meant, attributes={"to": TensorProto.FLOAT})
        value = builder.node("Unsqueeze", self._added_values(additions), builder.integers(2))  # (B, A, 1)
        return builder.node("Squeeze", builder.node("MatMul", is_meant, value), builder.integers(2))

    def _additions_to_members(self, additions: SparseAdditions, blocks: str) -> str:
        """Sum what is added to each member of some blocks, (B, C), in the order of their items, (B, M * C)."""
        builder = self._builder
        of_member, of_block = self._incidences(self._locate(additions.item_index), blocks)
        value = builder.node("Unsqueeze", self._added_values(additions), builder.integers(1))  # (B, 1, A)
        added = builder.node("MatMul", builder.node("Mul", of_member, value), of_block)  # (B, M, C)
        return builder.node("Reshape", added, builder.integers(0, -1))

    def _added_values(self, additions: SparseAdditions) -> str:
        """Return what is added, (B, A), 0 in place of whatever stands beside an index of -1: a NaN times 0 is NaN."""
        builder = self._builder
        is_item = builder.node("GreaterOrEqual", additions.item_index, builder.constant(np.int64(0)))
        return builder.node("Where", is_item, additions.value, builder.constant(np.float32(0)))

    def _dot_products(self, rows: str) -> str:
        """Multiply rows of the table, (B, N, D), with each user's query, (B, N)."""
        builder = self._builder
        query = builder.node("Unsqueeze", self._inputs.query, builder.integers(2))  # (B, D, 1)
        return builder.node("Squeeze", builder.node("MatMul", rows, query), builder.integers(2))

    def _quantise_query(self) -> tuple[str, str]:
        """Return each query in bytes, (B, D), and its scale, (B,)."""
        builder, query = self._builder, self._inputs.query
        largest_component = builder.node(
            "ReduceMax", builder.node("Abs", query), builder.integers(1), attributes={"keepdims": 0}
        )
        scale = builder.node("Mul", largest_component, builder.constant(np.float32(1 / QUERY_MAX)))
        scale = builder.node("Max", scale, builder.constant(np.float32(SMALLEST_SCALE)))
        zeros = builder.node("Expand", builder.constant(np.uint8(QUERY_ZERO)), builder.node("Shape", scale))
        return builder.node("QuantizeLinear", query, scale, zeros, attributes={"axis": 0}), scale

    def _locate(self, index: str) -> _Located:
        builder, blocks = self._builder, self._builder.constant(np.int64(self._layout.blocks))
        zero = builder.constant(np.int64(0))
        item = builder.node("Max", index, zero)
        return _Located(
            is_item=builder.node("GreaterOrEqual", index, zero),
            block=builder.node("Mod", item, blocks),
            member=builder.node("Div", item, blocks),
        )

    def _parts_of_tiles(self) -> Iterator[tuple[str, str, str]]:
        """Yield each tile's bias, (M * tile_blocks,), and the columns that change in it and whether each does."""
        builder, layout, changed = self._builder, self._layout, self._changed
        tiles, block = layout.coarse.tiles, layout.coarse.items_per_block
        by_member = builder.node("Reshape", self._bias, builder.integers(block, layout.blocks))
        column = builder.node("Unsqueeze", changed.block, builder.integers(0))  # (1, B, R + A)
        first = builder.constant((np.arange(tiles, dtype=np.int64) * layout.tile_blocks)[:, None, None])  # (T, 1, 1)
        column = builder.node("Sub", column, first)  # (T, B, R + A)
        starts = builder.node("GreaterOrEqual", column, builder.constant(np.int64(0)))
        ends = builder.node("Less", column, builder.constant(np.int64(layout.tile_blocks)))
        is_inside = builder.node("And", builder.node("And", starts, ends), changed.is_item)
        skipped = builder.node("Mul", changed.member, builder.constant(np.int64(layout.tile_blocks)))
        column = builder.node("Where", is_inside, builder.node("Add", column, skipped), builder.constant(np.int64(0)))
        parts = (self._split(by_member, 1), self._split(column, 0), self._split(is_inside, 0))
        for bias, columns, is_change in zip(*parts, strict=True):
            yield (
                builder.node("Reshape", bias, builder.integers(-1)),
                builder.node("Squeeze", columns, builder.integers(0)),
                builder.node("Squeeze", is_change, builder.integers(0)),
            )

    def _split(self, value: str, axis: int) -> list[str]:
        """Cut a value into one part a tile."""
        tiles = self._layout.coarse.tiles
        attributes = {"axis": axis, "num_outputs": tiles}
        return self._builder.node_of_many("Split", value, outputs=tiles, attributes=attributes)

    def _joined(self, parts: list[str]) -> str:
        return self._builder.node("Concat", *parts, attributes={"axis": 1}) if len(parts) > 1 else parts[0]

    def _excluded_members(self, blocks: str) -> str:
        """Return which members of some blocks, (B, C), may not be listed, (B, M * C)."""
        builder = self._builder
        of_member, of_block = self._incidences(self._excluded, blocks)
        count = builder.node("Reshape", builder.node("MatMul", of_member, of_block), builder.integers(0, -1))
        return builder.node("Greater", count, builder.constant(np.float32(0)))

    def _incidences(self, located: _Located, blocks: str) -> tuple[str, str]:
        """Return which member each of R items is, (B, M, R), and which of some blocks it lies in, (B, R, C).

        Their product sums over R for every member of every block: less than a twentieth of the comparisons of R with
        M * C items.
        """
        builder, float32 = self._builder, {"to": TensorProto.FLOAT}
        numbers = builder.constant(np.arange(self._layout.coarse.items_per_block, dtype=np.int64)[None, :, None])
        of_member = builder.node("Equal", numbers, builder.node("Unsqueeze", located.member, builder.integers(1)))
        is_item = builder.node("Unsqueeze", located.is_item, builder.integers(1))
        of_member = builder.node("Cast", builder.node("And", of_member, is_item), attributes=float32)
        of_block = builder.node(
            "Equal",
            builder.node("Unsqueeze", located.block, builder.integers(2)),
            builder.node("Unsqueeze", blocks, builder.integers(1)),
        )
        return of_member, builder.node("Cast", of_block, attributes=float32)
