"""The search, with a decoder whose probabilities depend on the last item alone and are written out."""

from itertools import permutations

import pytest
import torch

from models.networks.beam_search import Candidates, search
from models.networks.sequence_network import NetworkState

# The log-probability of each item after each other one, before what was written is left out; rows by the last item.
AFTER = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1], [0.3, 0.3, 0.3, 0.1], [0.05, 0.9, 0.03, 0.02]]).log()
FIRST = torch.tensor([0.4, 0.3, 0.2, 0.1]).log()


class TableDecoder:
    """Is fed items as one-hot vectors, and gives the row of the table."""

    def step(self, written: torch.Tensor, state: NetworkState) -> tuple[torch.Tensor, NetworkState]:
        """Look up."""
        return written @ AFTER, (state[0] + 1,)


def candidates() -> Candidates:
    """Four items as themselves, for one user."""
    return Candidates(torch.eye(4)[None], torch.eye(4)[None], torch.zeros(1, 4), FIRST[None])


def scores_by_hand(sequence: tuple[int, ...]) -> list[float]:
    """The log-probability of a sequence up to each of its items."""
    scores = [FIRST[sequence[0]].item()]
    for place in range(1, len(sequence)):
        row = AFTER[sequence[place - 1]].clone()
        row[list(sequence[:place])] = -torch.inf
        scores.append(scores[-1] + torch.log_softmax(row, dim=0)[sequence[place]].item())
    return scores


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_enough_beams_find_the_most_probable_sequence(length: int) -> None:
    """Against all sequences without repetition; with one beam an item after the other is the best there and then."""
    best = max(permutations(range(4), length), key=lambda sequence: scores_by_hand(sequence)[-1])
    found = search(TableDecoder(), (torch.zeros(1, 1),), candidates(), beams=4, length=length)
    assert tuple(found.slot[0].tolist()) == best
    assert found.score[0].tolist() == pytest.approx(scores_by_hand(best), abs=1e-3)


def test_one_beam_is_the_greedy_sequence() -> None:
    """Item 0 first, then 3, the best after it, then 1. Of two items, 1 and 0 are more probable: two beams find them."""
    greedy = search(TableDecoder(), (torch.zeros(1, 1),), candidates(), beams=1, length=3)
    assert greedy.slot.tolist() == [[0, 3, 1]]
    assert greedy.score[0].tolist() == pytest.approx(scores_by_hand((0, 3, 1)))
    wider = search(TableDecoder(), (torch.zeros(1, 1),), candidates(), beams=2, length=2)
    assert wider.slot.tolist() == [[1, 0]]
    assert wider.score[0, 1] > greedy.score[0, 1]


def test_a_certain_item_costs_something_too() -> None:
    """The last of four items has nothing beside it: its score is still below the one before."""
    found = search(TableDecoder(), (torch.zeros(1, 1),), candidates(), beams=1, length=4)
    assert found.slot.tolist() == [[0, 3, 1, 2]]
    assert found.score[0, 3] == pytest.approx(found.score[0, 2].item() - 1e-4, abs=1e-6)
