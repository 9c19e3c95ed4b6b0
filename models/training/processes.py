"""The processes that train one network together: torch's DistributedDataParallel, started by `torchrun`.

Every process goes through the same batches and learns its own lanes of each: lane number modulo the number of
processes. The losses are sums, so the gradients must be sums over the processes, too; DistributedDataParallel takes
their mean, and each process multiplies its loss by their number first. So a configuration means the same however many
processes there are: without dropout, and with a loss over the whole catalogue, the weights are those of one process
but for rounding. Dropout and sampled negatives are drawn by each process for itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from os import environ
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from models.errors import SettingsError
from models.networks.item_table import ItemTable
from models.training.batches import LaneBatch

# The others wait while the first one validates; that a process died they learn from its connection, and from torchrun.
_LONGEST_WAIT = timedelta(hours=12)
# Settling a question costs a message to everybody: not after every batch.
_BATCHES_BETWEEN_QUESTIONS = 20

Told = TypeVar("Told")


@dataclass(frozen=True)
class Processes:
    """Which of the processes this one is; by default there is no other.

    Attributes:
        rank: 0 for the first, which validates, reports and writes.
        count: How many there are.
    """

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Tell whether this one validates, reports and writes."""
        return self.rank == 0

    def require_lanes(self, lanes: int) -> None:
        """Check that there is work for everybody.

        Raises:
            SettingsError: If there is not.
        """
        if lanes < self.count:
            raise SettingsError(
                f"{self.count} processes cannot share {lanes} lanes: raise `lanes` under [batches], or start fewer."
            )

    def own_lanes(self, batch: LaneBatch) -> LaneBatch:
        """Return this process's rows; where it has none, one row without a click, so that it sums with the others."""
        if self.count == 1:
            return batch
        own = batch.lane % self.count == self.rank  # (R,)
        if own.any():
            return _rows(batch, own)
        idle = _rows(batch, np.arange(len(own)) == 0)
        return LaneBatch(
            lane=np.array([self.rank]),
            begins_session=np.array([True]),
            item_index=idle.item_index,
            features=idle.features,
            target_index=idle.target_index,
            is_click=np.zeros_like(idle.is_click),
        )

    def joined(self, module: nn.Module) -> nn.Module:
        """Return the module with the gradients of its parameters averaged over the processes.

        But for sparse ones, which not every backend can add up: see `models.training.sparse_gradients`.
        """
        if self.count == 1:
            return module
        sparse = {id(weight) for part in module.modules() if isinstance(part, ItemTable) for weight in part.sparse()}
        names = [name for name, weight in module.named_parameters() if id(weight) in sparse]
        ignore = DistributedDataParallel._set_params_and_buffers_to_ignore_for_model  # noqa: SLF001 - the only way
        ignore(module, names)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return DistributedDataParallel(module, broadcast_buffers=False)

    def sum_of(self, number: float) -> float:
        """Return the sum over the processes."""
        return number if self.count == 1 else sum(self.from_all(number))

    def told_by_first(self, fact: Told) -> Told:
        """Return what the first process says."""
        if self.count == 1:
            return fact
        told = [fact]
        distributed.broadcast_object_list(told, src=0)
        return told[0]

    def asks_after(self, batches: int) -> bool:
        """Tell whether so many batches into an epoch the processes settle whether to keep a state or to stop."""
        return self.count == 1 or batches % _BATCHES_BETWEEN_QUESTIONS == 0

    def any_says(self, answer: bool) -> bool:
        """Tell whether one of them says yes."""
        return answer if self.count == 1 else any(self.from_all(answer))

    def lanes_of_all(self, carried: Tensor) -> Tensor:
        """Return the lanes' states, (R, ...), each from the process that learns the lane."""
        if self.count == 1:
            return carried
        own = torch.arange(len(carried), device=carried.device) % self.count == self.rank  # (R,)
        summed = carried * own.view(-1, *[1] * (carried.dim() - 1))
        distributed.all_reduce(summed)
        return summed

    def tensors_of_all(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return everybody's tensors, each name behind its process's rank: `0/cpu`, `1/cpu`."""
        of_all = [tensors] if self.count == 1 else self.from_all(tensors)
        return {f"{rank}/{name}": tensor for rank, own in enumerate(of_all) for name, tensor in own.items()}

    def wait_for_all(self) -> None:
        """Return once every process has come here."""
        if self.count > 1:
            distributed.barrier()

    def from_all(self, fact: Told) -> list[Told]:
        """Return what each process says, in the order of their ranks."""
        facts = [fact] * self.count
        distributed.all_gather_object(facts, fact)
        return facts


ALONE = Processes()


@contextmanager
def processes_of_torchrun(device: torch.device) -> Iterator[Processes]:
    """Join the processes that `torchrun` has started; without it there is this one alone."""
    if "TORCHELASTIC_RUN_ID" not in environ or environ.get("WORLD_SIZE", "1") == "1":
        yield ALONE
        return
    if device.type == "cuda":
        # What the processes tell each other goes by way of their current device.
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_LONGEST_WAIT)
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


def _rows(batch: LaneBatch, own: NDArray[np.bool_]) -> LaneBatch:
    return LaneBatch(
        lane=batch.lane[own],
        begins_session=batch.begins_session[own],
        item_index=batch.item_index[own],
        features=batch.features[own],
        target_index=batch.target_index[own],
        is_click=batch.is_click[own],
    )
