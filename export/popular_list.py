"""The list for a user of whom the model knows nothing: what was clicked most in training.

Legend: B users, V items, K list length, R ring length.
"""

import numpy as np
from numpy.typing import NDArray

from export.artifact import Artifact


class PopularList:
    """Ranks the catalogue by popularity, with the signature of `ModelRuntime.rank` less the state.

    A score is the log of an item's share of the training clicks, Laplace-smoothed: a logit, as a model's scores are,
    so that `item_bias` means the same for both.

    Args:
        artifact: Its items' popularity and its list length.
        item_bias: Added to every score, (V,); -inf where an item is not available. None: nothing is added.
    """

    def __init__(self, artifact: Artifact, item_bias: NDArray[np.float32] | None = None) -> None:
        smoothed = artifact.items["popularity"].to_numpy().astype(np.float64) + 1
        share: NDArray[np.float32] = np.log(smoothed / smoothed.sum()).astype(np.float32)
        self.scores = share if item_bias is None else share + item_bias
        self._list_length = artifact.manifest.list_length
        # Stable: items of equal score keep the order of their rows, as TopK keeps it in rank.onnx.
        self._best_first = np.argsort(-self.scores, kind="stable")

    def rank(self, exclude_index: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rank for B users.

        Args:
            exclude_index: Items that may not be listed, (B, R), padded with -1.

        Returns:
            top_item (B, K) and top_score (B, K), best first; where fewer than K items may be listed the rest is -inf.
        """
        # At most R of these can be left out, so that K remain.
        candidates = self._best_first[: self._list_length + exclude_index.shape[1]]  # (C,)
        excluded = (candidates[None, :, None] == exclude_index[:, None, :]).any(axis=2)  # (B, C)
        listed_first = np.argsort(excluded, axis=1, kind="stable")[:, : self._list_length]  # (B, K)
        top_item = candidates[listed_first]
        left_out = np.take_along_axis(excluded, listed_first, axis=1)
        return top_item, np.where(left_out, np.float32(-np.inf), self.scores[top_item])
