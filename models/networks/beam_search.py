"""Beam search for the most probable sequence of items, none twice, among a few candidates. Legend in the package.

Every size is known beforehand, so that the search unrolls into a graph of plain operators.

Legend beside that of the package: C candidates, W beams, M items of a sequence.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from models.networks.sequence_network import NetworkState

# Added to the scores of what may not be listed: never chosen while anything else is left, and no NaN where nothing is.
NEVER = -1e9
# A place costs at least this much, however sure it is: scores then descend strictly along a list.
LEAST_COST = 1e-4


class Candidates(NamedTuple):
    """What may be written, for each of N users.

    Attributes:
        fed: What the decoder is fed after an item, (N, C, E).
        table: What the decoder's steps are compared with, (N, C, E).
        offset: Added to the scores, (N, C); finite.
        first_log_probability: Of each item in the first place, (N, C), best first.
    """

    fed: Tensor
    table: Tensor
    offset: Tensor
    first_log_probability: Tensor


class Decoder(Protocol):
    """What writes items."""

    def step(self, written: Tensor, state: NetworkState) -> tuple[Tensor, NetworkState]:
        """Return what is compared with the items after some were written, (N, E), and the next state."""


class Sequences(NamedTuple):
    """What was found.

    Attributes:
        slot: The most probable sequence by its candidates' numbers, (N, M).
        score: The log-probability of the sequence up to each item, (N, M), descending strictly.
    """

    slot: Tensor
    score: Tensor


def search(decoder: Decoder, state: NetworkState, candidates: Candidates, *, beams: int, length: int) -> Sequences:
    """Find the most probable sequence that W beams find; one beam is the greedy sequence.

    A step's probabilities are those among the candidates that its beam has not written yet; the first step's are given.

    Args:
        decoder: What writes.
        state: After its first step, (N, H) each.
        candidates: C of them.
        beams: W, at most C.
        length: M, at most C.
    """
    total = candidates.first_log_probability[:, :beams].clamp(max=-LEAST_COST)  # (N, W)
    users, count = candidates.first_log_probability.shape
    slots = torch.arange(beams, device=total.device).expand(users, -1)[..., None]  # (N, W, 1)
    scores = total[..., None]  # (N, W, 1)
    states = tuple(part[:, None].expand(-1, beams, -1) for part in state)  # (N, W, H) each
    for _ in range(length - 1):
        vectors, states = _step(decoder, _rows(candidates.fed, slots[..., -1]), states)
        extended = total[..., None] + _log_probabilities(vectors, candidates, slots).clamp(max=-LEAST_COST)
        total, place = torch.topk(extended.flatten(1), beams)  # (N, W), of W * C
        parent = place // count
        slots = torch.cat((_rows(slots, parent), (place - parent * count)[..., None]), dim=2)
        scores = torch.cat((_rows(scores, parent), total[..., None]), dim=2)
        states = tuple(_rows(part, parent) for part in states)
    return Sequences(slots[:, 0], scores[:, 0])


def _step(decoder: Decoder, fed: Tensor, states: NetworkState) -> tuple[Tensor, NetworkState]:
    """Step all beams of all users side by side, (N, W, ...)."""
    vectors, advanced = decoder.step(fed.flatten(0, 1), tuple(part.flatten(0, 1) for part in states))
    users, beams = fed.shape[:2]
    return vectors.view(users, beams, -1), tuple(part.view(users, beams, -1) for part in advanced)


def _log_probabilities(vectors: Tensor, candidates: Candidates, slots: Tensor) -> Tensor:
    """Return those of each beam's next item, (N, W, C); -inf for what the beam has written, (N, W, m)."""
    scores = vectors @ candidates.table.transpose(1, 2) + candidates.offset[:, None]
    written = torch.zeros_like(scores).scatter(2, slots, float("-inf"))
    return torch.log_softmax(scores + written, dim=2)


def _rows(values: Tensor, index: Tensor) -> Tensor:
    """Take rows of each user's, (N, P, Q) at (N, W) -> (N, W, Q)."""
    return values.gather(1, index[..., None].expand(-1, -1, values.shape[2]))
