"""A network's second ONNX graph: the one that ranks the catalogue.

    rank.onnx    the state tensors that the scores depend on, exclude_index int64 (B, R), item_bias float32 (V,),
                 boost_index int64 (B, A) and boost_value float32 (B, A) where A > 0
                 -> top_item int64 (B, K), top_score float32 (B, K)

Where scores are dot products, with additions or without, the graph is composed for speed: torch gives the part from
state to query and additions, the rest is built node by node (`exact_ranking`, `int8_ranking`). Any other network is
translated as it is.

Legend: B users in the batch (the one dynamic axis), V items, D query size, K list length, R ring length, A boosts of a
user.
"""

from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

from export.artifact import CoarseRanking
from export.exact_ranking import add_exact_ranking
from export.graph_builder import GraphBuilder, batched
from export.graphs import EXAMPLE_BATCH, drop_unused_inputs, exported, write_graph, zero_state
from export.int8_ranking import add_int8_ranking
from export.ranking_head import RankingHead, ranking_head
from export.ranking_nodes import RankingInputs, SparseAdditions, joined_additions
from export.recurrent_network import (
    AddingNetwork,
    DotProductNetwork,
    RecurrentNetwork,
    TorchState,
    biased_scores,
)


def export_rank_graph(
    network: RecurrentNetwork,
    path: Path,
    *,
    list_length: int,
    ring_length: int,
    boost_length: int = 0,
    coarse: CoarseRanking | None = None,
) -> None:
    """Write `rank.onnx`.

    Args:
        network: The network.
        path: Where the graph goes.
        list_length: K, at most V.
        ring_length: R, the columns of `exclude_index`.
        boost_length: A, the columns of `boost_index` and `boost_value`; 0: the graph takes no boosts.
        coarse: How an int8 ranking narrows the catalogue down, for a `DotProductNetwork`; None: rank exactly.
    """
    if isinstance(network, DotProductNetwork):
        head = ranking_head(network, list_length=list_length, ring_length=ring_length)
        model = _composed(network, head, boost_length, coarse)
    else:
        model = _translated(network, list_length, ring_length, boost_length)
    drop_unused_inputs(model)
    write_graph(model, path)


def _composed(
    network: DotProductNetwork, head: RankingHead, boost_length: int, coarse: CoarseRanking | None
) -> onnx.ModelProto:
    adds = isinstance(network, AddingNetwork)
    model = (
        exported(_QueryAndAdditions(network), zero_state(network), ["query", "added_index", "added_value"])
        if isinstance(network, AddingNetwork)
        else exported(_Query(network), zero_state(network), ["query"])
    )
    graph = model.graph
    builder = GraphBuilder("rank")
    additions = joined_additions(
        builder,
        [SparseAdditions("added_index", "added_value")] * adds
        + [SparseAdditions("boost_index", "boost_value")] * (boost_length > 0),
    )
    inputs = RankingInputs("query", "exclude_index", "item_bias", additions)
    ranked = (
        add_exact_ranking(builder, head, inputs) if coarse is None else add_int8_ranking(builder, head, inputs, coarse)
    )
    builder.rename(ranked.top_item, "top_item")
    builder.rename(ranked.top_score, "top_score")
    graph.node.extend(builder.nodes)
    graph.initializer.extend(builder.initializers)
    graph.input.append(batched("exclude_index", TensorProto.INT64, head.ring_length))
    graph.input.append(helper.make_tensor_value_info("item_bias", TensorProto.FLOAT, [head.item_count]))
    if boost_length:
        graph.input.append(batched("boost_index", TensorProto.INT64, boost_length))
        graph.input.append(batched("boost_value", TensorProto.FLOAT, boost_length))
    del graph.output[:]
    graph.output.append(batched("top_item", TensorProto.INT64, head.list_length))
    graph.output.append(batched("top_score", TensorProto.FLOAT, head.list_length))
    return model


def _translated(network: RecurrentNetwork, list_length: int, ring_length: int, boost_length: int) -> onnx.ModelProto:
    state = zero_state(network)
    with torch.no_grad():
        item_count = network.scores(tuple(state.values())).shape[1]
    exclude_index = torch.full((EXAMPLE_BATCH, ring_length), -1, dtype=torch.int64)
    example = {**state, "exclude_index": exclude_index, "item_bias": torch.zeros(item_count)}
    if not boost_length:
        return exported(_Rank(network, list_length), example, ["top_item", "top_score"])
    example["boost_index"] = torch.full((EXAMPLE_BATCH, boost_length), -1, dtype=torch.int64)
    example["boost_value"] = torch.zeros(EXAMPLE_BATCH, boost_length)
    return exported(_RankWithBoosts(network, list_length), example, ["top_item", "top_score"])


class _Query(nn.Module):
    """`DotProductNetwork.query` with each state tensor as an input of its own."""

    def __init__(self, network: DotProductNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, *state: Tensor) -> Tensor:
        return self.network.query(state)


class _QueryAndAdditions(nn.Module):
    """`AddingNetwork.query` and `.additions` with each state tensor as an input of its own."""

    def __init__(self, network: AddingNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, *state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.network.query(state), *self.network.additions(state)


class _Rank(nn.Module):
    """Scores, plus the items' bias, minus what may not be listed, and the best K of them."""

    def __init__(self, network: RecurrentNetwork, list_length: int) -> None:
        super().__init__()
        self.network = network
        self.list_length = list_length

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        *state, exclude_index, item_bias = inputs
        return self.ranked(tuple(state), exclude_index, item_bias.expand(exclude_index.shape[0], -1))

    def ranked(self, state: TorchState, exclude_index: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Rank under a bias of each user's, (B, V)."""
        # Adding -inf masks, and the padding adds 0 to item 0. The sum is never NaN: a bias is finite or -inf, and
        # -inf + -inf is -inf.
        penalty = torch.where(exclude_index < 0, 0.0, float("-inf"))  # (B, R)
        listable = bias.scatter_add(1, exclude_index.clamp(min=0), penalty)
        top_score, top_item = torch.topk(biased_scores(self.network, state, listable), self.list_length)
        return top_item, top_score


class _RankWithBoosts(_Rank):
    """The same, with some scores of each user's raised before."""

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        *state, exclude_index, item_bias, boost_index, boost_value = inputs
        added = torch.where(boost_index < 0, 0.0, boost_value)  # (B, A)
        bias = item_bias.expand(exclude_index.shape[0], -1).scatter_add(1, boost_index.clamp(min=0), added)
        return self.ranked(tuple(state), exclude_index, bias)
