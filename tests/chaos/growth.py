"""What a process has, sampled over time, and how much of it grew after the warm-up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

MIB = 1 << 20
# A single sample may fall on a batch, a collection or a rebalance: the median of a fifth of them does not.
PART = 5


@dataclass(frozen=True)
class Sample:
    """One look at a process.

    Attributes:
        progress: How much work it had done.
        values: What it had, by name.
    """

    progress: float
    values: Mapping[str, float]


def process_values(pid: int) -> dict[str, float]:
    """Return memory in MiB, threads and file handles of a process, as Linux tells them."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines())
    return {
        "memory, MiB": int(status["VmRSS"].split()[0]) * 1024 / MIB,
        "threads": int(status["Threads"]),
        "file handles": len(list(Path(f"/proc/{pid}/fd").iterdir())),
    }


@dataclass(frozen=True)
class Growth:
    """One value after the warm-up and at the end.

    Attributes:
        warm: Median of the first fifth of the samples after the warm-up.
        end: Median of the last fifth.
        most: Largest sample.
    """

    warm: float
    end: float
    most: float

    @property
    def grown(self) -> float:
        """How much it grew."""
        return self.end - self.warm


def growth(samples: Sequence[Sample], warm_up: float) -> dict[str, Growth]:
    """Return how each value grew once `warm_up` of the progress was made.

    Raises:
        ValueError: If fewer than two fifths' worth of samples came after it.
    """
    after = [sample.values for sample in samples if sample.progress >= warm_up]
    if len(after) < 2 * PART:
        raise ValueError(f"{len(after)} samples after the warm-up say nothing: send more clicks, or sample more often.")
    part = len(after) // PART
    return {
        name: Growth(
            warm=median(values[name] for values in after[:part]),
            end=median(values[name] for values in after[-part:]),
            most=max(values[name] for values in after),
        )
        for name in after[0]
    }
