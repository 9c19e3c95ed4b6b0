"""The artifact's two graphs, run one click at a time: a batch of one, whatever batches the workers made.

Legend: V items, K list length, R ring length.
"""

import json
import math
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
import polars as pl
from numpy.typing import NDArray

Tensors = tuple[NDArray[np.floating], ...]
List = tuple[tuple[str, ...], NDArray[np.float32]]


def eight_byte_hash(text: str) -> int:
    """Return the hash by which a state remembers an item or a session: BLAKE2b of eight bytes, little endian."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


class CountsRules(NamedTuple):
    """How clicks are counted: what the manifest says under `counts`."""

    bucket_ms: int
    session_reach: int
    clicks_per_user: int


class CheckedModel:
    """An artifact as its manifest documents it.

    Args:
        folder: The artifact.
    """

    def __init__(self, folder: Path) -> None:
        self.manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        items = pl.read_parquet(folder / "items.parquet")
        self.item_ids: list[str] = items["item_id"].to_list()
        self.model_id: str = self.manifest["model_id"]
        self.ring_length: int = self.manifest["ring_length"]
        self.list_length: int = self.manifest["list_length"]
        self._index_of = {item_id: index for index, item_id in enumerate(self.item_ids)}
        self._index_of_hash = {eight_byte_hash(item_id): index for index, item_id in enumerate(self.item_ids)}
        smoothed = items["popularity"].to_numpy().astype(np.float64) + 1
        self._popular: NDArray[np.float32] = np.log(smoothed / smoothed.sum()).astype(np.float32)
        self._step = _session(folder / "step.onnx")
        self._rank = _session(folder / "rank.onnx")

    def knows(self, item_id: str) -> bool:
        """Tell whether the model has the item."""
        return item_id in self._index_of

    def knows_hash(self, item_hash: int) -> bool:
        """Tell the same by the item's hash."""
        return item_hash in self._index_of_hash

    @property
    def counts(self) -> CountsRules | None:
        """How clicks are counted; None where lists are ranked without live counts."""
        recipe = self.manifest.get("counts")
        if recipe is None or recipe["useless"]:
            return None
        return CountsRules(recipe["bucket_ms"], recipe["session_reach"], recipe["clicks_per_user"])

    def empty(self) -> Tensors:
        """Return the tensors of somebody who has clicked nothing."""
        return tuple(np.zeros(one["shape"], dtype=one["dtype"]) for one in self.manifest["state"])

    def begins_session(self, gap_ms: int, *, other_id: bool) -> bool:
        """Apply the manifest's rule of sessions."""
        rule = self.manifest["session_rule"]
        longest_gap_ms = rule["gap_ms"]
        return (rule["by_id"] and other_id) or (longest_gap_ms is not None and gap_ms > longest_gap_ms)

    def step(self, item_id: str, gap_ms: int, event_type: str | None, tensors: Tensors) -> Tensors:
        """Advance by one click on a known item; rounded to the stored dtype."""
        inputs = {"item_index": np.array([self._index_of[item_id]], dtype=np.int64), **self._widened(tensors)}
        if self.manifest["features"]:
            inputs["features"] = self._features(gap_ms, event_type)
        outputs = self._step.run([f"{one['name']}_next" for one in self.manifest["state"]], inputs)
        return tuple(
            output[0].astype(one["dtype"]) for output, one in zip(outputs, self.manifest["state"], strict=True)
        )

    def personal_list(self, tensors: Tensors, seen: list[int]) -> List:
        """Return items and scores for a state; `seen` are the hashes of the ring."""
        exclude_index = np.full((1, self.ring_length), -1, dtype=np.int64)
        excluded = self._excluded(seen)
        exclude_index[0, : len(excluded)] = excluded
        wanted = {node.name for node in self._rank.get_inputs()}
        inputs = {
            **{name: rows for name, rows in self._widened(tensors).items() if name in wanted},
            "exclude_index": exclude_index,
            "item_bias": np.zeros(len(self.item_ids), dtype=np.float32),
        }
        top_item, top_score = self._rank.run(["top_item", "top_score"], inputs)
        listed = np.isfinite(top_score[0])
        return tuple(self.item_ids[index] for index in top_item[0][listed]), top_score[0][listed]

    def popular_list(self, seen: list[int]) -> List:
        """Return what was clicked most in training, for a state that knows nothing yet."""
        excluded = set(self._excluded(seen))
        by_score = sorted(range(len(self.item_ids)), key=lambda index: (-self._popular[index], index))
        top = [index for index in by_score if index not in excluded][: self.list_length]
        return tuple(self.item_ids[index] for index in top), self._popular[top]

    def _excluded(self, seen: list[int]) -> list[int]:
        if not self.manifest["exclude_seen"]:
            return []
        return [self._index_of_hash[item_hash] for item_hash in seen if item_hash in self._index_of_hash]

    def _widened(self, tensors: Tensors) -> dict[str, NDArray[np.generic]]:
        return {
            one["name"]: tensor[None].astype(np.float32)
            for one, tensor in zip(self.manifest["state"], tensors, strict=True)
        }

    def _features(self, gap_ms: int, event_type: str | None) -> NDArray[np.float32]:
        columns: list[float] = []
        for feature in self.manifest["features"]:
            if feature["type"] == "time_gap":
                columns.append((math.log1p(gap_ms / 1000) - feature["mean"]) / feature["std"])
            else:
                columns += [float(category == event_type) for category in feature["categories"]]
        return np.array([columns], dtype=np.float32)


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
