"""torch's random number generators, as tensors that can be kept: dropout and negatives are drawn from them."""

from collections.abc import Mapping

import torch
from torch import Tensor

from models.training.processes import Processes

# A prime beyond any number of processes: no two seeds share a stream.
_SEEDS_APART = 1_000_003


def random_states(device: torch.device) -> dict[str, Tensor]:
    """Return the states of the generators that training on a device draws from."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def separate_random_numbers(seed: int, processes: Processes) -> None:
    """Give each process but the first random numbers of its own: alike, their dropout would be the same."""
    if not processes.is_first:
        torch.manual_seed(seed * _SEEDS_APART + processes.rank)


def restore_random_states(states: Mapping[str, Tensor], device: torch.device) -> None:
    """Let the generators go on from where `random_states` found them."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
