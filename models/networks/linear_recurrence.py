"""The linear recurrent unit (Orvieto et al., 2023): a complex diagonal recurrence. Legend in the package.

    h_t = lambda * h_{t-1} + gamma * (W_in x_t + b_in)          each of H units by itself
    y_t = Re(W_out h_t) + b_out

with lambda = exp(-exp(nu) + i exp(theta)), inside the unit circle whatever nu is learned, and gamma, which begins as
sqrt(1 - |lambda|^2) so that the states of slow units do not outgrow those of fast ones. Complex numbers are kept as
pairs of real ones: torch and ONNX then compute the same.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class ComplexPair(NamedTuple):
    """Complex numbers by their parts, of one shape."""

    real: Tensor
    imaginary: Tensor

    def times(self, other: "ComplexPair") -> "ComplexPair":
        """Return the product, element by element."""
        return ComplexPair(
            self.real * other.real - self.imaginary * other.imaginary,
            self.real * other.imaginary + self.imaginary * other.real,
        )

    def plus(self, other: "ComplexPair") -> "ComplexPair":
        """Return the sum."""
        return ComplexPair(self.real + other.real, self.imaginary + other.imaginary)


class LinearRecurrence(nn.Module):
    """H linear recurrent units that read and write vectors of one size.

    Args:
        size: Of what goes in and comes out.
        units: H.
        smallest_radius: |lambda| is drawn between the two, evenly over the ring's area (Orvieto et al., lemma 3.2).
        largest_radius: The closer to 1, the longer a unit remembers.
    """

    def __init__(self, size: int, units: int, *, smallest_radius: float, largest_radius: float) -> None:
        super().__init__()
        self.input_real = nn.Linear(size, units)
        self.input_imaginary = nn.Linear(size, units)
        self.output_real = nn.Linear(units, size)
        self.output_imaginary = nn.Linear(units, size, bias=False)
        squared = smallest_radius**2 + torch.rand(units) * (largest_radius**2 - smallest_radius**2)  # |lambda|^2
        self.nu_log = nn.Parameter((-0.5 * squared.log()).log())
        self.theta_log = nn.Parameter((2.0 * math.pi * torch.rand(units)).log())
        self.gamma_log = nn.Parameter(0.5 * (1.0 - squared).log())

    @property
    def decay(self) -> ComplexPair:
        """lambda, (H,)."""
        radius, angle = torch.exp(-self.nu_log.exp()), self.theta_log.exp()
        return ComplexPair(radius * angle.cos(), radius * angle.sin())

    def step(self, inputs: Tensor, hidden: ComplexPair) -> ComplexPair:
        """Advance hidden states, (B, H), by one input each, (B, size)."""
        return self.decay.times(hidden).plus(self._driven(inputs))

    def forward(self, inputs: Tensor, hidden: ComplexPair) -> ComplexPair:
        """Return the hidden state after every input of sequences, (B, T, size) -> (B, T, H), from one before, (B, H).

        A scan in log2(T) rounds (Hillis and Steele, 1986): before the round of stride s, each position holds what the
        last s inputs have left; the round adds what the s inputs before them have, decayed by lambda^s.
        """
        driven, decay = self._driven(inputs), self.decay
        carried = decay.times(hidden)  # (B, H): what the first position takes over
        summed = ComplexPair(
            _added_to_first(driven.real, carried.real), _added_to_first(driven.imaginary, carried.imaginary)
        )
        stride = 1
        while stride < inputs.shape[1]:
            earlier = ComplexPair(_later(summed.real, stride), _later(summed.imaginary, stride))
            summed = summed.plus(decay.times(earlier))
            decay = decay.times(decay)
            stride *= 2
        return summed

    def output(self, hidden: ComplexPair) -> Tensor:
        """Return y for hidden states, (..., H) -> (..., size)."""
        written: Tensor = self.output_real(hidden.real) - self.output_imaginary(hidden.imaginary)
        return written

    def _driven(self, inputs: Tensor) -> ComplexPair:
        gamma = self.gamma_log.exp()
        return ComplexPair(gamma * self.input_real(inputs), gamma * self.input_imaginary(inputs))


def _added_to_first(sequence: Tensor, addition: Tensor) -> Tensor:
    """Add to the first position of sequences, (B, T, H) and (B, H)."""
    return torch.cat((sequence[:, :1] + addition[:, None], sequence[:, 1:]), dim=1)


def _later(sequence: Tensor, stride: int) -> Tensor:
    """Move sequences, (B, T, H), back by some positions, zeros where nothing was before."""
    return functional.pad(sequence[:, :-stride], (0, 0, stride, 0))
