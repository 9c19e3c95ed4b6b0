"""Sparse gradients: of an item table with a million rows a batch touches some thousands, and only those are moved.

Adagrad and plain SGD leave a row without a gradient where it is, so the weights are those that dense gradients lead to,
but for rounding. Legend: G rows with a gradient.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, distributed, nn

from models.errors import SettingsError
from models.networks.item_table import DotProductSequenceNetwork, ItemTable
from models.networks.sequence_network import SequenceNetwork
from models.training.processes import Processes


def use_sparse_gradients(network: SequenceNetwork) -> None:
    """Let the items' side of a network have sparse gradients from now on.

    Raises:
        SettingsError: If it has no item table of its own.
    """
    items = network.items if isinstance(network, DotProductSequenceNetwork) else None
    if not isinstance(items, ItemTable):
        raise SettingsError(
            "This kind of network has no table of items to move row by row: leave sparse_gradients out."
        )
    items.use_sparse_gradients()
    # torch's own sparse tensors are sound; left unsaid, it warns that nobody checks them.
    torch.sparse.check_sparse_tensor_invariants.disable()  # type: ignore[no-untyped-call]  # torch leaves it untyped


def sum_sparse_gradients(parameters: Iterable[nn.Parameter], processes: Processes) -> None:
    """Bring sparse gradients to one entry a row, and to their mean over the processes.

    DistributedDataParallel does the same for dense ones.
    """
    for parameter in parameters:
        if parameter.grad is not None and parameter.grad.is_sparse:
            gradient = parameter.grad.coalesce()
            parameter.grad = gradient if processes.count == 1 else _averaged(gradient, processes)


def clip_gradients(parameters: Iterable[nn.Parameter], max_norm: float) -> None:
    """Cut the norm of all gradients together to `max_norm`; torch's own `clip_grad_norm_` takes no sparse ones."""
    values = [_values(parameter.grad) for parameter in parameters if parameter.grad is not None]
    norm = torch.stack([torch.linalg.vector_norm(value) for value in values]).norm()
    factor = (max_norm / (norm + 1e-6)).clamp(max=1.0)
    for value in values:
        value.mul_(factor)


def _values(gradient: Tensor) -> Tensor:
    """Return the numbers of a gradient; what is done to them in place is done to the gradient."""
    return gradient._values() if gradient.is_sparse else gradient  # noqa: SLF001 - `values()` cannot be changed in place


def _averaged(gradient: Tensor, processes: Processes) -> Tensor:
    """Return the mean of everybody's coalesced gradient: its rows are sent, padded to the most that anybody has."""
    index, values = gradient.indices()[0], gradient.values()  # (G,) and (G, ...)
    most = max(processes.from_all(len(index)))
    padding = most - len(index)
    index = torch.cat((index, index.new_zeros(padding)))
    values = torch.cat((values, values.new_zeros(padding, *values.shape[1:])))
    all_index = [torch.empty_like(index) for _ in range(processes.count)]
    all_values = [torch.empty_like(values) for _ in range(processes.count)]
    distributed.all_gather(all_index, index)
    distributed.all_gather(all_values, values)
    mean = torch.cat(all_values) / processes.count
    # Padding adds zeros to the first row.
    return torch.sparse_coo_tensor(torch.cat(all_index)[None], mean, gradient.shape).coalesce()
