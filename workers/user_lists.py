"""The list that a user would be given now: ranked from his record in the store, without a click.

A reader beside the path of a click. It has rows of its own, so that nothing it does reaches the states that are being
advanced, and it is given records that are installed: what it ranks is acknowledged. A batch is ranked as each user
alone, bit for bit, so that those who ask at the same time share a run.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from export.artifact import Artifact
from export.runtime import ModelRuntime
from models.counts.counts_fold import Snapshot
from workers.loading import StateLoader
from workers.messages import SCHEMA_VERSION, snapshot_fields
from workers.ports import StateRow
from workers.ranking import RankedItems, Ranker, call_trending
from workers.served_counts import ServedCounts
from workers.stepping import STRATEGIES, SteppedClicks, Stepper
from workers.user_rows import UserKey

# Who asks beyond that is refused: at a thousand lists a second they would wait for a quarter of it.
MOST_WAITING = 256


class ListsAreBusy(Exception):  # noqa: N818 - not an error: what a caller is told to try again after
    """More users are asked for than there is room for."""


class _Question(NamedTuple):
    user: UserKey
    record: bytes | None
    answer: "asyncio.Future[bytes]"


class UserLists:
    """Ranks users for whoever asks, in a thread of its own.

    Args:
        artifact: The model's items.
        runtime: The model; shared with the pipeline, it holds no state.
        item_bias: As the pipeline's, (V,).
        exclude_seen: Likewise.
        source_topic: Whose clicks the states stand for.
        counts: As the pipeline's: what everyone clicks; None: nobody counts.
    """

    def __init__(
        self,
        artifact: Artifact,
        runtime: ModelRuntime,
        *,
        item_bias: NDArray[np.float32],
        exclude_seen: bool,
        source_topic: str,
        counts: ServedCounts | None = None,
    ) -> None:
        self._item_ids = artifact.vocabulary.item_ids
        self._model_id = artifact.manifest.model_id
        self._source_topic = source_topic
        self._counts = counts
        self._ranker = Ranker(artifact, runtime, item_bias=item_bias, exclude_seen=exclude_seen, counts=counts)
        self._records = _GivenRecords()
        self._users_per_run = artifact.manifest.ranking.rows_per_run
        self._loader = StateLoader(runtime, artifact.vocabulary, self._records, capacity=self._users_per_run)
        self._stepper = Stepper(
            runtime,
            self._loader.arena,
            state_ttl_ms=None,
            with_seen=exclude_seen,
            with_recent=counts is not None,
        )
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lists")
        self._waiting: list[_Question] = []
        self._answering: asyncio.Task[None] | None = None

    async def list_of(self, user: UserKey, record: bytes | None) -> bytes:
        """Return a user's list as JSON: the fields of a published one, without the click's `event_id`.

        `source` is the newest click that the list stands for, its `timestamp_ms` the newest event time of the user; it
        is null where none of the user's clicks is known: the list is then the popular one.

        Args:
            user: Whose; the key is UTF-8.
            record: The user's record in the store, None where there is none.

        Raises:
            ListsAreBusy: If `MOST_WAITING` are waiting already.
            ArtifactError: If the model fails.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise ListsAreBusy
        question = _Question(user, record, asyncio.get_running_loop().create_future())
        self._waiting.append(question)
        if self._answering is None:
            self._answering = asyncio.create_task(self._answer_waiting())
        return await question.answer

    async def _answer_waiting(self) -> None:
        """Answer until nobody waits, all who do in one run, as far as there is room in it."""
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                run, self._waiting = self._waiting[: self._users_per_run], self._waiting[self._users_per_run :]
                try:
                    lists = await loop.run_in_executor(self._thread, self._lists, run)
                except Exception as error:  # noqa: BLE001 - whoever asked is told
                    for question in run:
                        if not question.answer.done():
                            question.answer.set_exception(error)
                    continue
                for question, body in zip(run, lists, strict=True):
                    # Who asked may have left.
                    if not question.answer.done():
                        question.answer.set_result(body)
        finally:
            self._answering = None

    def _lists(self, questions: Sequence[_Question]) -> list[bytes]:
        """Rank for at most as many users as there are rows."""
        self._loader.forget()
        self._records.rows = {question.user: question.record for question in questions}
        rows = self._loader.load([question.user for question in questions]).rows
        states = self._stepper.without_a_click(rows)
        (top_item, top_score), snapshot = self._ranked(states)
        lengths = np.isfinite(top_score).sum(axis=1).tolist()
        heads = self._loader.arena.head[rows]
        bodies = []
        for number, ((_, user_key), _, _) in enumerate(questions):
            length = lengths[number]
            body = {
                "schema_version": SCHEMA_VERSION,
                "user_id": user_key.decode(),
                "items": [self._item_ids[item] for item in top_item[number, :length].tolist()],
                "scores": top_score[number, :length],
                "model_id": self._model_id,
                "strategy": STRATEGIES[states.strategy[number]],
                **snapshot_fields(snapshot),
                "source": self._source(heads[number]),
            }
            bodies.append(orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY))
        return bodies

    def _ranked(self, states: SteppedClicks) -> tuple[RankedItems, Snapshot | None]:
        """Rank, and say with which counts: again where they moved on meanwhile."""
        if self._counts is None:
            return self._ranker.rank(states), None
        while True:
            snapshot = self._counts.snapshot
            if snapshot is not None:
                call_trending(states)
            ranked = self._ranker.rank(states)
            if self._counts.snapshot is snapshot:
                return ranked, snapshot

    def _source(self, head: np.void) -> Mapping[str, object] | None:
        """Return the newest click of a state, or None where there is none."""
        if not head["clicks"]:
            return None
        return {
            "topic": self._source_topic,
            "partition": int(head["source_partition"]),
            "offset": int(head["last_offset"]),
            "timestamp_ms": int(head["updated_at_ms"]),
        }


class _GivenRecords:
    """A store of the records that the users of one run have."""

    def __init__(self) -> None:
        self.rows: Mapping[UserKey, bytes | None] = {}

    def load(self, partition: int, user_key: bytes) -> bytes | None:
        """Return what was given."""
        return self.rows[partition, user_key]

    def install(self, rows: Iterable[StateRow], changelog_offsets: Mapping[int, int]) -> None:
        """Refuse: whoever ranks without a click has nothing to keep."""
        raise NotImplementedError("Lists that are asked for change no state.")
