"""What a ranking graph is made of where scores are dot products: tables, and the lengths of a list and of a ring.

Legend: V items, P items and padding, D query size, K list length, R ring length.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from export.recurrent_network import DotProductNetwork


@dataclass(frozen=True)
class RankingHead:
    """The item side of a dot product.

    Attributes:
        item_table: What queries are compared with, (V, D).
        item_offset: Added to every score, (V,).
        list_length: K, at most V.
        ring_length: R, the columns of `exclude_index`.
    """

    item_table: NDArray[np.float32]
    item_offset: NDArray[np.float32]
    list_length: int
    ring_length: int

    @property
    def item_count(self) -> int:
        """V."""
        return len(self.item_table)

    @property
    def query_size(self) -> int:
        """D."""
        return int(self.item_table.shape[1])

    def padded_table(self, count: int) -> NDArray[np.float32]:
        """Return the table with rows of zeros behind it, (P, D); the bias keeps them out of every list."""
        return np.pad(self.item_table, ((0, count - self.item_count), (0, 0)))


def ranking_head(network: DotProductNetwork, *, list_length: int, ring_length: int) -> RankingHead:
    """Take the item side of a network."""
    with torch.no_grad():
        table = network.item_table.detach().float().numpy()
        offset = network.item_offset
        offsets = np.zeros(len(table), np.float32) if offset is None else offset.detach().float().numpy()
    return RankingHead(table, offsets, list_length, ring_length)
