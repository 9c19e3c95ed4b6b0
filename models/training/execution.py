"""How a training run is carried out: none of it is part of the configuration, and the weights hardly know of it."""

from dataclasses import dataclass

import torch

from models.training.processes import ALONE, Processes
from models.training.run_keeping import RunKeeping


@dataclass(frozen=True)
class Execution:
    """How a training run is carried out.

    Attributes:
        device: Where the network learns, and stays.
        processes: Who trains with this process: each makes the same calls with the same data and settings.
        keeping: Where to leave the state of the run, and to go on from if there is one; None keeps none.
    """

    device: torch.device = torch.device("cpu")  # noqa: RUF009 - immutable
    processes: Processes = ALONE
    keeping: RunKeeping | None = None


# On the processor, in this process, and nothing kept.
PLAIN = Execution()
