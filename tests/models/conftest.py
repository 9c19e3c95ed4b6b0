"""What the tests of training share."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Networks of a few units are no work to share: on a busy machine, threads waiting for each other cost seconds."""
    torch.set_num_threads(1)
