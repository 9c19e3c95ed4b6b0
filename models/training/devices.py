"""Where a network learns: on the processor, or on a GPU."""

from os import environ
from typing import Literal

import torch

from models.errors import SettingsError

DeviceName = Literal["auto", "cpu", "cuda"]


def choose_device(name: DeviceName) -> torch.device:
    """Return the device that a name stands for.

    Args:
        name: `auto` takes a GPU where there is one. Of several, `torchrun` gives each process its own.

    Raises:
        SettingsError: If a GPU is asked for and torch finds none.
    """
    has_gpu = torch.cuda.is_available()
    if name == "cuda" and not has_gpu:
        raise SettingsError(
            "torch finds no GPU: install a CUDA build of torch and check `nvidia-smi`, or train with --device cpu."
        )
    if name == "cpu" or not has_gpu:
        return torch.device("cpu")
    return torch.device("cuda", int(environ.get("LOCAL_RANK", "0")))
