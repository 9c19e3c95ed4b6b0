"""What a network adds to a few items' scores, other ones for every user.

Legend as in the package, and A additions of a user, M entries that are kept of a row, S rows that are looked up for a
user.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.items.item_similarity import TopRows


class ScoreAdditions(NamedTuple):
    """Additions to some scores of each row; ranking graphs take them in this form.

    Attributes:
        item_index: The items, int64 (B, A), -1 where nothing is added; one that occurs twice is added to twice.
        value: What is added, float32 (B, A), finite; 0 where nothing is.
    """

    item_index: Tensor
    value: Tensor

    def times(self, weight: Tensor | float) -> "ScoreAdditions":
        """Return them weighted, by one number or by (B, 1)."""
        return ScoreAdditions(self.item_index, self.value * weight)

    def beside(self, others: "ScoreAdditions") -> "ScoreAdditions":
        """Return both, A of one and A of the other."""
        return ScoreAdditions(
            torch.cat((self.item_index, others.item_index), dim=1), torch.cat((self.value, others.value), dim=1)
        )

    def added_to(self, scores: Tensor) -> Tensor:
        """Return scores, (B, V), with these added."""
        return scores.scatter_add(1, self.item_index.clamp(min=0), self.value)


class SparseRows(nn.Module):
    """A row of a few (item, value) pairs for every item, found by the item's row number; fitted, not trained.

    Args:
        item_count: V.
        length: M.
    """

    item_index: Tensor
    value: Tensor

    def __init__(self, item_count: int, length: int) -> None:
        super().__init__()
        # Row 0 stands for no item. int32: a million items of a hundred entries are 400 MB, and 400 MB of values.
        self.register_buffer("item_index", torch.full((item_count + 1, length), -1, dtype=torch.int32))
        self.register_buffer("value", torch.zeros(item_count + 1, length))

    def fill(self, rows: TopRows) -> None:
        """Take the rows of all items, (V, M), values finite."""
        self.item_index[1:] = torch.from_numpy(rows.index)
        self.value[1:] = torch.from_numpy(rows.value)

    @property
    def length(self) -> int:
        """M."""
        return self.value.shape[1]

    def of(self, row_number: Tensor) -> ScoreAdditions:
        """Return the rows of items by their row numbers (0 for none, the first item is 1).

        Args:
            row_number: Whole numbers in float32, as a state keeps them, (B, S).

        Returns:
            The S rows of each user side by side, A = S M.
        """
        row = row_number.long()
        return ScoreAdditions(self.item_index[row].flatten(1).long(), self.value[row].flatten(1))
