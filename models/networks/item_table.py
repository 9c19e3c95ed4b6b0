"""The items' side of a network whose scores are dot products. Legend in the package."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.networks.sequence_network import NetworkInputs, SequenceNetwork


class ItemSide(nn.Module, ABC):
    """What a network is fed for an item, and what its outputs are compared with.

    Attributes:
        output_bias: Each item's bias, (V,).
    """

    output_bias: Tensor

    @abstractmethod
    def initialise(self) -> None:
        """Draw the first weights."""

    @property
    @abstractmethod
    def output_table(self) -> Tensor:
        """What outputs are compared with, (V, E)."""

    @abstractmethod
    def output_rows(self, item_index: Tensor) -> Tensor:
        """Return some rows of the output table, (C,) -> (C, E)."""

    def output_offsets(self, item_index: Tensor) -> Tensor:
        """Return the biases of some items, (C,) -> (C,)."""
        return self.output_bias[item_index]

    @abstractmethod
    def forward(self, item_index: Tensor, features: Tensor) -> Tensor:
        """Return what a network is fed for clicks, (..., E + F)."""


class ItemTable(ItemSide):
    """Item embedding at the input, and what outputs are compared with.

    Tied (Press and Wolf, 2017; GRU4Rec calls it a constrained embedding), an item is scored by the dot product of its
    own embedding with the output, plus a bias of its own.

    Args:
        item_count: V.
        embedding_size: E.
        dropout: Share of the embedding's components that is zeroed in training.
        tied: Score against the embedding of the input; false gives the output a table of its own.
    """

    def __init__(self, item_count: int, embedding_size: int, *, dropout: float, tied: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(item_count, embedding_size)
        self.dropout = nn.Dropout(dropout)
        self.untied_table = None if tied else nn.Parameter(torch.empty(item_count, embedding_size))
        self.output_bias = nn.Parameter(torch.zeros(item_count))
        self._sparse_gradients = False

    def use_sparse_gradients(self) -> None:
        """Give embedding, table and biases sparse gradients from now on, where rows of them are looked up."""
        self._sparse_gradients = self.embedding.sparse = True

    def sparse(self) -> list[nn.Parameter]:
        """Return the parameters that have sparse gradients."""
        return list(self.parameters()) if self._sparse_gradients else []

    def initialise(self) -> None:
        """Draw the first weights: rows of unit length.

        With torch's N(0, 1) the first scores of a tied network would be of the order of E.
        """
        std = self.embedding.embedding_dim**-0.5
        nn.init.normal_(self.embedding.weight, std=std)
        if self.untied_table is not None:
            nn.init.normal_(self.untied_table, std=std)

    @property
    def output_table(self) -> Tensor:
        """What outputs are compared with, (V, E): the embedding itself where the two are tied."""
        return self.embedding.weight if self.untied_table is None else self.untied_table

    def output_rows(self, item_index: Tensor) -> Tensor:
        """Return some rows of the output table, (C,) -> (C, E)."""
        if self._sparse_gradients:
            return functional.embedding(item_index, self.output_table, sparse=True)
        return self.output_table[item_index]

    def output_offsets(self, item_index: Tensor) -> Tensor:
        """Return the biases of some items, (C,) -> (C,)."""
        if self._sparse_gradients:
            return torch.gather(self.output_bias, 0, item_index, sparse_grad=True)
        return self.output_bias[item_index]

    def forward(self, item_index: Tensor, features: Tensor) -> Tensor:
        """Return what a network is fed for clicks, (..., E + F)."""
        return torch.cat((self.dropout(self.embedding(item_index)), features), dim=-1)


class DotProductSequenceNetwork(SequenceNetwork):
    """A network whose scores are `output @ item_table.T + item_offset`: the exporter composes a faster graph for it.

    Args:
        inputs: What the data decides.
        items: The items' side.
    """

    def __init__(self, inputs: NetworkInputs, items: ItemSide) -> None:
        super().__init__(inputs)
        self.items = items

    @property
    def item_table(self) -> Tensor:
        """What outputs are compared with, (V, E)."""
        return self.items.output_table

    @property
    def item_offset(self) -> Tensor:
        """Each item's bias, (V,)."""
        return self.items.output_bias

    def candidate_scores(self, output: Tensor, candidates: Tensor) -> Tensor:
        """Score some items alone, (C,), for outputs, (N, E) -> (N, C)."""
        return functional.linear(output, self.items.output_rows(candidates), self.items.output_offsets(candidates))

    def item_scores(self, output: Tensor) -> Tensor:
        """Score the whole catalogue for outputs, (N, E) -> (N, V)."""
        return functional.linear(output, self.item_table, self.item_offset)
