"""A network that learns batch by batch.

Legend: R lanes, T clicks of a piece, N clicks of a batch; B, D, V as in `models.networks`.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.networks.sequence_network import NetworkState, SequenceNetwork
from models.training.batches import LaneBatch
from models.training.config import TrainingConfig
from models.training.losses import Loss
from models.training.processes import Processes
from models.training.schedules import learning_rate_factor
from models.training.sparse_gradients import clip_gradients, sum_sparse_gradients, use_sparse_gradients


class Learner:
    """A network, its loss, its optimiser, and the states that the lanes carry from batch to batch.

    Args:
        network: What learns, on the device where it is to.
        config: The settings.
        popularity: Training clicks of every item, (V,).
        processes: Who learns with this process; each is given its own lanes of every batch.
    """

    def __init__(
        self, network: SequenceNetwork, config: TrainingConfig, popularity: NDArray[np.int64], processes: Processes
    ) -> None:
        self.network = network
        self._config = config
        self._processes = processes
        if config.sparse_gradients:
            use_sparse_gradients(network)
        self._batch_loss = processes.joined(_BatchLoss(network, config.loss.build(network, popularity)))
        self._optimiser = config.optimiser.build(network.parameters())
        self.learning_rate = config.optimiser.learning_rate
        self.carried: NetworkState = ()

    def begin_epoch(self) -> None:
        """Empty the lanes."""
        self.network.train()
        self.carried = self.network.initial_state(self._config.batches.lanes)

    def loss_of(self, batch: LaneBatch) -> Tensor:
        """Return the loss summed over the batch's clicks; move the lanes' states on."""
        device = self.network.device
        lane = torch.from_numpy(batch.lane).to(device)
        goes_on = torch.from_numpy(~batch.begins_session).to(device)
        state = tuple(_where_rows(goes_on, tensor[lane]) for tensor in self.carried)  # (R, ...) each
        # Which cells are clicks is found out here: a device would have to be waited for.
        click = np.flatnonzero(batch.is_click)  # (N,)
        summed, advanced = self._batch_loss(
            torch.from_numpy(batch.item_index).to(device),
            torch.from_numpy(batch.features).to(device),
            state,
            torch.from_numpy(click).to(device),
            torch.from_numpy(batch.target_index.reshape(-1)[click]).to(device),
        )
        # Rows that were padded carry a state on that nobody reads: their sessions have ended.
        for tensor, after in zip(self.carried, advanced, strict=True):
            tensor[lane] = after.detach()
        return summed  # type: ignore[no-any-return]  # modules return Any

    def update(self, summed: Tensor, progress: float) -> None:
        """Take one step down a loss, at the learning rate after so many epochs."""
        factor = learning_rate_factor(self._config.schedule, progress, self._config.epochs)
        self.learning_rate = self._config.optimiser.learning_rate * factor
        for group in self._optimiser.param_groups:
            group["lr"] = self.learning_rate
        self._optimiser.zero_grad()
        # Times the processes, because what comes of it is averaged over them.
        (summed * self._processes.count / self._config.batches.loss_divisor).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        if self._config.sparse_gradients:
            sum_sparse_gradients(self.network.parameters(), self._processes)
        if self._config.gradient_clip_norm is not None:
            clip_gradients(self.network.parameters(), self._config.gradient_clip_norm)
        self._optimiser.step()

    def tensors(self) -> dict[str, Tensor]:
        """Return all that decides how learning goes on, by name; `resume` takes it back."""
        slots = self._optimiser.state_dict()["state"]
        return {
            **{f"network/{name}": tensor for name, tensor in self.network.state_dict().items()},
            **{f"carried/{number}": self._processes.lanes_of_all(tensor) for number, tensor in enumerate(self.carried)},
            **{
                f"optimiser/{parameter}/{name}": value
                for parameter, values in slots.items()
                for name, value in values.items()
                if value is not None
            },
        }

    def resume(self, tensors: Mapping[str, Tensor], learning_rate: float | None) -> None:
        """Go on where an interrupted run was.

        Args:
            tensors: What `tensors` returned.
            learning_rate: Of the last batch; None where there was none.
        """
        self.learning_rate = self._config.optimiser.learning_rate if learning_rate is None else learning_rate
        device = self.network.device
        self.network.load_state_dict(named(tensors, "network/"))
        carried = named(tensors, "carried/")
        self.carried = tuple(carried[str(number)].to(device) for number in range(len(carried)))
        slots: dict[int, dict[str, Tensor]] = {}
        for name, tensor in named(tensors, "optimiser/").items():
            parameter, _, slot = name.partition("/")
            slots.setdefault(int(parameter), {})[slot] = tensor
        self._optimiser.load_state_dict({**self._optimiser.state_dict(), "state": slots})


def named(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return those whose name begins so, under the rest of it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


class _BatchLoss(nn.Module):
    """Forward pass and loss in one module."""

    def __init__(self, network: SequenceNetwork, loss: Loss) -> None:
        super().__init__()
        self.network = network
        self._loss = loss

    def forward(
        self, item_index: Tensor, features: Tensor, state: NetworkState, click: Tensor, target: Tensor
    ) -> tuple[Tensor, NetworkState]:
        """Return the loss summed over N clicks, and the state after the batch.

        Args:
            item_index: (R, T).
            features: (R, T, F).
            state: Before the batch, (R, ...) each.
            click: Which of the R * T cells are clicks, (N,).
            target: What was clicked next, (N,).
        """
        output, state = self.network(item_index, features, state)
        return self.network.training_loss(self._loss, output, click, target), state


def _where_rows(keep: Tensor, rows: Tensor) -> Tensor:
    """Return rows, (R, ...), zeros where they are not kept, (R,)."""
    return rows * keep.view(-1, *[1] * (rows.dim() - 1))
