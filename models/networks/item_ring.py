"""The last items of a user as a state: row numbers in float32, newest first. Legend in the package.

A row number is 0 for none and 1 for the first item. R is the ring's length.
"""

import torch
from torch import Tensor


def advanced_ring(ring: Tensor, item_index: Tensor) -> Tensor:
    """Let rings, (B, R), remember one more click each, (B,), the oldest gone."""
    return torch.cat((_row_numbers(item_index)[:, None], ring[:, :-1]), dim=1)


def rings_after(ring: Tensor, item_index: Tensor) -> Tensor:
    """Return the rings after every click of whole sequences.

    Args:
        ring: Before the first click, (B, R).
        item_index: The clicks, (B, T).

    Returns:
        (B, T, R).
    """
    oldest_first = torch.cat((ring.flip(1), _row_numbers(item_index)), dim=1)  # (B, R + T)
    return oldest_first.unfold(1, ring.shape[1], 1)[:, 1:].flip(2)


def _row_numbers(item_index: Tensor) -> Tensor:
    return (item_index + 1).float()
