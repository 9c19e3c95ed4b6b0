"""The position-wise feed-forward network of blocks (Vaswani et al., 2017, section 3.3). Legend in the package."""

from torch import Tensor, nn


class FeedForward(nn.Module):
    """Two linear layers with a GELU (Hendrycks and Gimpel, 2016) between them: one click's output after the other.

    Args:
        size: Of what goes in and comes out.
        inner_size: Between the two.
        dropout: Share of components that is zeroed in training, between the layers and after them.
    """

    def __init__(self, size: int, inner_size: int, *, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(size, inner_size),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(inner_size, size),
            nn.Dropout(dropout),
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Return what the residual connection around it adds, (..., size)."""
        output: Tensor = self.layers(inputs)
        return output
