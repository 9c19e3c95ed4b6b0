"""What a worker gave to onnxruntime, run by run: which graph, with which inputs."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

Feed = Mapping[str, NDArray[np.generic]]
_PLAN = "plan"


class Recording:
    """Runs in their order. An input that is the same as in the run before is kept once: the items' bias is long."""

    def __init__(self) -> None:
        self._arrays: list[NDArray[np.generic]] = []
        # Each run's graph, and the number of each input's array.
        self._runs: list[tuple[str, dict[str, int]]] = []
        self._newest: dict[tuple[str, str], int] = {}

    def add(self, graph: str, feed: Feed) -> None:
        """Add a run; its inputs are copied, the worker may use their memory again."""
        self._runs.append((graph, {name: self._number(graph, name, array) for name, array in feed.items()}))

    def __iter__(self) -> Iterator[tuple[str, Feed]]:
        for graph, numbers in self._runs:
            yield graph, {name: self._arrays[number] for name, number in numbers.items()}

    def rows(self, graph: str) -> int:
        """Return how many rows went through a graph."""
        row_input = {"step": "item_index", "rank": "exclude_index"}[graph]
        return sum(len(feed[row_input]) for one, feed in self if one == graph)

    def save(self, path: Path) -> None:
        """Write it, as a whole."""
        staging = path.with_suffix(".part.npz")
        arrays = {_PLAN: np.array(json.dumps(self._runs)), **_numbered(self._arrays)}
        np.savez(staging, allow_pickle=False, **arrays)
        staging.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Recording":
        """Read one."""
        recording = cls()
        with np.load(path) as stored:
            recording._runs = [(graph, numbers) for graph, numbers in json.loads(str(stored[_PLAN]))]
            recording._arrays = [stored[str(number)] for number in range(len(stored.files) - 1)]
        return recording

    def _number(self, graph: str, name: str, array: NDArray[np.generic]) -> int:
        newest = self._newest.get((graph, name))
        if newest is None or not np.array_equal(self._arrays[newest], array):
            newest = self._newest[graph, name] = len(self._arrays)
            self._arrays.append(np.array(array))
        return newest


def _numbered(arrays: Sequence[NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
    return {str(number): array for number, array in enumerate(arrays)}


def graph_of(session: onnxruntime.InferenceSession) -> str:
    """Return which of the artifact's graphs a session runs."""
    return "rank" if any(node.name == "top_item" for node in session.get_outputs()) else "step"
