"""States of users and their exact lists, kept in the artifact: a worker checks its own rank.onnx against them.

Arithmetic differs between CPUs. The exporter measures the recall of rank.onnx on the machine that exports; a worker
measures it again where it serves, with nothing but the artifact.

Legend: N users, K list length, R ring length, V items.
"""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from export.artifact import Artifact
from export.runtime import ModelRuntime, State, no_exclusions
from models.errors import ArtifactError

# Share of the exact top K that a list must hold, over all reference lists.
MIN_RECALL = 0.999
# Two items whose scores differ by less, relative to the larger of 1 and the score, are as good as each other: float32
# sums of a few hundred products differ by as much between CPUs.
TIE_TOLERANCE = 1e-5


@dataclass(frozen=True)
class ReferenceLists:
    """Users and what should be listed for them, with no bias and nothing excluded.

    Attributes:
        state: In the stored dtype, each (N, ...).
        top_item: The best K of all items by their float32 scores, (N, K).
        last_score: The score of the last item of each list, (N,).
    """

    state: State
    top_item: NDArray[np.int64]
    last_score: NDArray[np.float32]

    def save(self, path: Path) -> None:
        """Write them as one file, the same lists as the same bytes."""
        arrays = {f"state_{number}": tensor for number, tensor in enumerate(self.state)}
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, top_item=self.top_item, last_score=self.last_score, **arrays)

    def recall(self, runtime: ModelRuntime) -> float:
        """Return the share of the exact lists' items that a model's rank.onnx lists."""
        manifest = runtime.manifest
        item_bias = np.zeros(manifest.item_count, np.float32)
        found = 0
        for start in range(0, len(self.top_item), manifest.ranking.rows_per_run):
            rows = slice(start, start + manifest.ranking.rows_per_run)
            exact = self.top_item[rows]
            exclude_index = no_exclusions(len(exact), manifest.ring_length)
            top_item, top_score = runtime.rank(tuple(part[rows] for part in self.state), exclude_index, item_bias)
            last = self.last_score[rows, None]
            is_as_good = top_score >= last - TIE_TOLERANCE * np.maximum(1, np.abs(last))
            found += int(((top_item[:, :, None] == exact[:, None, :]).any(axis=2) | is_as_good).sum())
        return found / self.top_item.size


def load_reference_lists(artifact: Artifact) -> ReferenceLists:
    """Read an artifact's reference lists.

    Raises:
        ArtifactError: If the file cannot be read.
    """
    try:
        with np.load(artifact.reference_path, allow_pickle=False) as arrays:
            state = tuple(arrays[f"state_{number}"] for number in range(len(artifact.manifest.state)))
            return ReferenceLists(state, arrays["top_item"], arrays["last_score"])
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise ArtifactError(f"{artifact.reference_path} cannot be read ({error}): export the model again.") from error


def check_ranking(artifact: Artifact, runtime: ModelRuntime) -> float:
    """Measure an artifact's recall on this machine, and return it.

    Raises:
        ArtifactError: If it is too low, or the reference lists cannot be read.
    """
    recall = load_reference_lists(artifact).recall(runtime)
    if recall < MIN_RECALL:
        raise ArtifactError(
            f"{artifact.rank_path} lists {recall:.4f} of the exact top {artifact.manifest.list_length} on this "
            f"machine, at least {MIN_RECALL} is asked for ({artifact.manifest.ranking.recall:.4f} where it was "
            "exported): export the model here, or anywhere with `nextclick export --ranking exact`."
        )
    return recall
