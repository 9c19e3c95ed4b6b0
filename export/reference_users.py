"""Draws users for reference lists and ranks for them exactly, in torch.

Legend: N users, V items, K list length.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from export.artifact import Manifest
from export.recurrent_network import RecurrentNetwork, TorchState
from export.reference_lists import ReferenceLists

USERS = 256
# The longest history; users have clicked one to this many items.
MOST_CLICKS = 12
# float32 scores of a few users at a time: a million items are 4 MB a user.
USERS_AT_ONCE = 32


def draw_reference_lists(
    network: RecurrentNetwork, manifest: Manifest, popularity: NDArray[np.int64]
) -> ReferenceLists:
    """Step users through items that are drawn as often as they were clicked, and list exactly what is best for them.

    The state is rounded to its stored dtype after every step, as everywhere.
    """
    random = np.random.default_rng(seed=3)
    share = (popularity + 1) / (popularity + 1).sum()
    with torch.no_grad():
        state = tuple(torch.zeros(USERS, *tensor.shape) for tensor in manifest.state)
        for clicks in range(MOST_CLICKS):
            item_index = torch.from_numpy(random.choice(len(share), size=USERS, p=share))
            features = torch.from_numpy(random.normal(size=(USERS, network.feature_width)).astype(np.float32))
            # Every so many users stop here: their histories have every length.
            goes_on = torch.arange(USERS) % MOST_CLICKS >= clicks
            advanced = network.step(item_index, features, state)
            state = tuple(
                torch.where(goes_on.view(-1, *[1] * (old.dim() - 1)), _rounded(new, tensor.dtype), old)
                for new, old, tensor in zip(advanced, state, manifest.state, strict=True)
            )
        tops = [
            torch.topk(
                network.scores(tuple(part[start : start + USERS_AT_ONCE] for part in state)), manifest.list_length
            )
            for start in range(0, USERS, USERS_AT_ONCE)
        ]
    return ReferenceLists(
        state=_stored(state, manifest),
        top_item=np.concatenate([top.indices.numpy() for top in tops]),
        last_score=np.concatenate([top.values[:, -1].numpy() for top in tops]),
    )


def _rounded(tensor: torch.Tensor, dtype: str) -> torch.Tensor:
    return tensor.half().float() if dtype == "float16" else tensor


def _stored(state: TorchState, manifest: Manifest) -> tuple[NDArray[np.floating], ...]:
    return tuple(part.numpy().astype(tensor.dtype) for part, tensor in zip(state, manifest.state, strict=True))
