"""Whether a worker may be sent traffic: its model is warm, its states are restored, brokers answer and lead."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from aiokafka.structs import TopicPartition

from workers.metrics import WorkerMetrics
from workers.restore_progress import RestoreProgress

# Heartbeats come every `session_timeout_s` / 10, at most 4 s apart: two in a row may be late before a worker is taken
# for cut off, and a balancer that asks every ten seconds still learns of it within twenty.
SILENCE_LIMIT_S = 10.0
# The page is for a person; the metric counts them all.
MOST_NAMED = 3


class Readiness:
    """What a worker still waits for.

    Args:
        metrics: Told of every change.
    """

    def __init__(self, metrics: WorkerMetrics) -> None:
        self._metrics = metrics
        self._reads_counts = False
        self._model_is_warm = False
        self._states_are_restored = False
        self._progress: RestoreProgress | None = None
        self._broker_silence_s = 0.0
        self._without_leader: Sequence[TopicPartition] = ()

    @property
    def waiting_for(self) -> str | None:
        """What the worker waits for, for a person; None where it is ready."""
        if self._reads_counts:
            return "reading everyone's counts"
        if not self._model_is_warm:
            return "loading the model"
        if not self._states_are_restored:
            return "restoring user states" + ("" if self._progress is None else f": {self._progress}")
        if self._broker_silence_s > SILENCE_LIMIT_S:
            return f"a broker: none has answered for {self._broker_silence_s:.0f} s"
        if self._without_leader:
            return f"leaders: nobody leads {_named(self._without_leader)}"
        return None

    @property
    def is_ready(self) -> bool:
        """Whether the worker waits for nothing."""
        return self.waiting_for is None

    @contextmanager
    def reading_counts(self) -> Iterator[None]:
        """Wait for the counts topic until the block is left: at the start, before the model is called warm."""
        self._reads_counts = True
        try:
            yield
        finally:
            self._reads_counts = False

    def model_is_warm(self) -> None:
        """Note that both graphs have run."""
        self._model_is_warm = True
        self._tell()

    def states_are_restoring(self, progress: RestoreProgress) -> None:
        """Note how far the restore is."""
        self._progress = progress
        self._metrics.set_restore_remaining(progress.remaining)

    def standbys_lag(self, records: Mapping[int, int]) -> None:
        """Note how far behind each standby partition is."""
        self._metrics.set_standby_lag(records)

    def states_are_restored(self) -> None:
        """Note that every owned partition's states are those of its changelog."""
        self._states_are_restored = True
        self._progress = None
        self._tell()

    def states_are_moving(self) -> None:
        """Note that a rebalance has begun, or that the worker stops."""
        self._states_are_restored = False
        self._tell()

    def broker_is_silent(self, seconds: float) -> None:
        """Note how long no broker has answered."""
        self._broker_silence_s = seconds
        self._metrics.set_broker_silence(seconds)
        self._tell()

    def leaders_are_missing(self, partitions: Sequence[TopicPartition]) -> None:
        """Note the partitions that the worker needs and that nobody leads."""
        self._without_leader = partitions
        self._metrics.set_without_leader(len(partitions))
        self._tell()

    def _tell(self) -> None:
        self._metrics.set_ready(ready=self.is_ready)


def _named(partitions: Sequence[TopicPartition]) -> str:
    names = ", ".join(f"{topic}/{number}" for topic, number in partitions[:MOST_NAMED])
    return names if len(partitions) <= MOST_NAMED else f"{names} and {len(partitions) - MOST_NAMED} more"
