"""Ranking graphs of small random tables, opened in onnxruntime, and what they should list."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from export.artifact import CoarseRanking
from export.rank_graph import export_rank_graph
from tests.factories import make_tiny_network

LIST_LENGTH = 20
RING_LENGTH = 50
BOOST_LENGTH = 30
HIDDEN_SIZE = 16
ONE_TILE = CoarseRanking(tiles=1, items_per_block=16, blocks=40)
THREE_TILES = CoarseRanking(tiles=3, items_per_block=8, blocks=40)

Lists = tuple[NDArray[np.int64], NDArray[np.float32]]
# boost_index and boost_value, both (B, A).
Boosts = tuple[NDArray[np.int64], NDArray[np.float32]]


@dataclass(frozen=True)
class RankGraph:
    """A rank.onnx and the tables that it was made of.

    Attributes:
        session: The graph.
        table: (V, D).
        offset: (V,).
        list_length: K.
    """

    session: onnxruntime.InferenceSession
    table: NDArray[np.float32]
    offset: NDArray[np.float32]
    list_length: int

    def rank(
        self,
        query: NDArray[np.float32],
        *,
        exclude_index: NDArray[np.int64] | None = None,
        item_bias: NDArray[np.float32] | None = None,
        boosts: Boosts | None = None,
    ) -> Lists:
        """Return top_item and top_score, both (B, K)."""
        inputs = {
            "hidden": query[:, None, :],
            "exclude_index": np.full((len(query), RING_LENGTH), -1) if exclude_index is None else exclude_index,
            "item_bias": np.zeros(len(self.table), np.float32) if item_bias is None else item_bias,
        }
        if boosts is not None:
            inputs["boost_index"], inputs["boost_value"] = boosts
        top_item, top_score = self.session.run(["top_item", "top_score"], inputs)
        return top_item, top_score

    def expected(
        self,
        query: NDArray[np.float32],
        *,
        exclude_index: NDArray[np.int64] | None = None,
        item_bias: NDArray[np.float32] | None = None,
        boosts: Boosts | None = None,
    ) -> Lists:
        """Return the same by numpy: every score, sorted; of equal ones the lower index first."""
        scores = query @ self.table.T + self.offset + (0 if item_bias is None else item_bias)
        if boosts is not None:
            rows, columns = np.nonzero(boosts[0] >= 0)
            np.add.at(scores, (rows, boosts[0][rows, columns]), boosts[1][rows, columns])
        if exclude_index is not None:
            rows, columns = np.nonzero(exclude_index >= 0)
            scores[rows, exclude_index[rows, columns]] = -np.inf
        top_item = np.argsort(-scores, axis=1, kind="stable")[:, : self.list_length]
        return top_item, np.take_along_axis(scores, top_item, axis=1).astype(np.float32)


def make_rank_graph(
    folder: Path,
    *,
    item_count: int,
    coarse: CoarseRanking | None,
    table: NDArray[np.float32] | None = None,
    boost_length: int = 0,
) -> RankGraph:
    """Make a graph of a random table, or of the one given; K is 20 or the whole catalogue."""
    network = make_tiny_network(item_count=item_count, hidden_size=HIDDEN_SIZE)
    with torch.no_grad():
        network.items.output_bias.copy_(torch.linspace(-0.1, 0.1, item_count))
        if table is not None:
            network.items.embedding.weight.copy_(torch.from_numpy(table))
            network.items.output_bias.zero_()
    list_length = min(LIST_LENGTH, item_count)
    path = folder / "rank.onnx"
    export_rank_graph(
        network,
        path,
        list_length=list_length,
        ring_length=RING_LENGTH,
        boost_length=boost_length,
        coarse=coarse,
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return RankGraph(
        session=onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]),
        table=network.items.embedding.weight.detach().numpy(),
        offset=network.items.output_bias.detach().numpy(),
        list_length=list_length,
    )


def draw_queries(count: int, *, seed: int = 0) -> NDArray[np.float32]:
    """Draw queries, (B, D)."""
    return np.random.default_rng(seed).normal(size=(count, HIDDEN_SIZE)).astype(np.float32)


def draw_exclusions(count: int, item_count: int, *, seed: int = 1) -> NDArray[np.int64]:
    """Draw half-full rings, (B, R)."""
    random = np.random.default_rng(seed)
    drawn = random.integers(item_count, size=(count, RING_LENGTH))
    return np.where(random.random(drawn.shape) < 0.5, drawn, -1)


def draw_boosts(count: int, item_count: int, *, scale: float, seed: int = 3) -> Boosts:
    """Draw boosts, half of them padding with whatever beside it; in a small catalogue some items have several."""
    random = np.random.default_rng(seed)
    index = random.integers(item_count, size=(count, BOOST_LENGTH))
    value = random.normal(scale=scale, size=index.shape).astype(np.float32)
    padding = random.random(index.shape) < 0.5
    return np.where(padding, -1, index), np.where(padding, np.float32(np.nan), value)
