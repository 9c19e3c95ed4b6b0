"""The lists that the clicks must get: the offline ones, computed once for an artifact and a number of clicks.

Legend: N clicks, K list length.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.click_sets import ClickSet, make_clicks
from export.artifact import Artifact
from export.offline import lists_after_clicks


@dataclass(frozen=True)
class Reference:
    """Clicks and their lists.

    Attributes:
        artifact: The model.
        clicks: N of them.
        top_item: (N, K).
        top_score: (N, K).
    """

    artifact: Artifact
    clicks: ClickSet
    top_item: NDArray[np.int64]
    top_score: NDArray[np.float32]

    def head(self, count: int) -> "Reference":
        """Return the first `count` clicks with their lists: no list depends on later clicks."""
        return Reference(self.artifact, self.clicks.head(count), self.top_item[:count], self.top_score[:count])


def compute_reference(artifact: Artifact, count: int, say: Callable[[str], None]) -> Reference:
    """Return the first `count` clicks on the artifact's catalogue with their offline lists."""
    manifest = artifact.manifest
    clicks = make_clicks(manifest.item_count, count)
    say(f"{count:,} reference lists of {manifest.item_count:,} items")
    top_item = np.empty((count, manifest.list_length), dtype=np.int64)
    top_score = np.empty((count, manifest.list_length), dtype=np.float32)
    for block in lists_after_clicks(artifact, clicks.table):
        top_item[block.click], top_score[block.click] = block.top_item, block.top_score
    return Reference(artifact, clicks, top_item, top_score)
