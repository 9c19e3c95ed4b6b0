"""Self-attention in which every click looks at the last W clicks, itself included. Legend in the package.

Attention sees how old a click is and not where in the session it stands (relative positions: Shaw et al., 2018; a
learned bias for each head and age as in Raffel et al., 2020). What comes out for a click is then the same wherever a
session is cut, as long as the W - 1 clicks before it are there: a layer is to sequences what a convolution without
padding is, W - 1 positions shorter at its beginning.

Legend beside that of the package: N positions, M = N - W + 1 of them with all W, A attention heads, C = E / A.
"""

import math

import torch
from torch import Tensor, nn


class WindowAttention(nn.Module):
    """Multi-head attention (Vaswani et al., 2017) within a sliding window.

    Args:
        size: E.
        heads: A, a divisor of E.
        window: W.
        dropout: Share of the attention weights that is zeroed in training.
    """

    def __init__(self, size: int, heads: int, window: int, *, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.window = window
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(size, size)
        self.value = nn.Linear(size, size)
        self.output = nn.Linear(size, size)
        self.age_bias = nn.Parameter(torch.zeros(heads, window))
        self.dropout = nn.Dropout(dropout)

    def forward(self, inputs: Tensor, is_click: Tensor) -> Tensor:
        """Let each position with a whole window look at the clicks in it.

        Args:
            inputs: (B, N, E).
            is_click: Which positions hold a click, (B, N); nobody looks at the others, but a position at itself.

        Returns:
            (B, M, E).
        """
        query = self._by_head(self.query(inputs[:, self.window - 1 :]))  # (B, A, M, C)
        key, value = self._by_head(self.key(inputs)), self._by_head(self.value(inputs))  # (B, A, N, C)
        scores = query @ key.transpose(-2, -1) / math.sqrt(key.shape[-1])  # (B, A, M, N)
        age = self._ages(inputs)  # (M, N)
        in_window = (age >= 0) & (age < self.window)
        looked_at = in_window & (is_click[:, None, :] | (age == 0))  # (B, M, N)
        biased = scores + self.age_bias[:, age.clamp(0, self.window - 1)]
        weights = torch.softmax(biased.masked_fill(~looked_at[:, None], -math.inf), dim=-1)
        mixed = self.dropout(weights) @ value  # (B, A, M, C)
        output: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return output

    def _by_head(self, projected: Tensor) -> Tensor:
        users, positions, size = projected.shape
        return projected.view(users, positions, self.heads, size // self.heads).transpose(1, 2)

    def _ages(self, inputs: Tensor) -> Tensor:
        """Return how many clicks before each looking position each position lies, (M, N); negative after it."""
        position = torch.arange(inputs.shape[1], device=inputs.device)
        return position[self.window - 1 :, None] - position
