"""The artifact's two graphs for one click at a time, as both peers run them.

The state is the concatenation of its tensors in the stored dtype, as in our own state records.

Legend: H hidden size, K list length, R ring length, V items.
"""

from pathlib import Path

import numpy as np
import onnxruntime
import orjson

from export.artifact import load_artifact


class SingleClickModel:
    """Steps one user and ranks the catalogue for him.

    Args:
        folder: The artifact.
    """

    def __init__(self, folder: Path) -> None:
        artifact = load_artifact(folder)
        manifest = artifact.manifest
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._step = onnxruntime.InferenceSession(artifact.step_path, options, providers=["CPUExecutionProvider"])
        self._rank = onnxruntime.InferenceSession(artifact.rank_path, options, providers=["CPUExecutionProvider"])
        self._tensors = [(tensor.name, (1, *tensor.shape), np.dtype(tensor.dtype)) for tensor in manifest.state]
        self._next = [f"{tensor.name}_next" for tensor in manifest.state]
        ranked = {node.name for node in self._rank.get_inputs()}
        self._ranked = [name for name, _, _ in self._tensors if name in ranked]
        # The same for every click: nobody is barred from anything.
        self._rules = {
            "exclude_index": np.full((1, manifest.ring_length), -1, dtype=np.int64),  # (1, R)
            "item_bias": np.zeros(manifest.item_count, dtype=np.float32),  # (V,)
        }
        self._item_ids = artifact.vocabulary.item_ids
        self._index_of = artifact.vocabulary.index_of
        self._model_id = manifest.model_id
        self._nothing = bytes(sum(dtype.itemsize * int(np.prod(shape)) for _, shape, dtype in self._tensors))

    def recommend(self, value: bytes, state: bytes | None) -> tuple[bytes, bytes]:
        """Take a click and the user's state; return the list as JSON and the new state.

        Args:
            value: The click, JSON; its item is known.
            state: None for a user who has clicked nothing.
        """
        click = orjson.loads(value)
        rows = self._decode(self._nothing if state is None else state)
        item_index = np.array([self._index_of(click["item_id"])], dtype=np.int64)
        advanced = self._step.run(self._next, {"item_index": item_index, **rows})
        # Rounded to the stored dtype before it is ranked: what is kept is what is computed with.
        stored = [tensor.astype(dtype) for tensor, (_, _, dtype) in zip(advanced, self._tensors, strict=True)]
        new_state = b"".join(tensor.tobytes() for tensor in stored)
        rows = {name: stored[row].astype(np.float32) for row, (name, _, _) in enumerate(self._tensors)}
        ranked = {name: rows[name] for name in self._ranked}
        top_item, top_score = self._rank.run(["top_item", "top_score"], {**ranked, **self._rules})  # (1, K)
        body = {
            "user_id": click["user_id"],
            "event_id": click["event_id"],
            "items": [self._item_ids[index] for index in top_item[0].tolist()],
            "scores": top_score[0],
            "model_id": self._model_id,
        }
        return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY), new_state

    def _decode(self, state: bytes) -> dict[str, np.ndarray]:
        rows, position = {}, 0
        for name, shape, dtype in self._tensors:
            count = int(np.prod(shape))
            tensor = np.frombuffer(state, dtype, count, position).reshape(shape)  # (1, ...)
            rows[name] = tensor.astype(np.float32)
            position += count * dtype.itemsize
        return rows
