"""What all parts of a run share: the broker to measure with, how much of everything, and what came out so far."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.artifacts import benchmark_artifact
from benchmarks.brokers import BrokerChoice
from benchmarks.folders import BUILD
from benchmarks.machine import Cores
from benchmarks.measures import Measures
from benchmarks.reference import Reference, compute_reference
from benchmarks.scales import Scale
from export.artifact import Artifact


@dataclass
class Bench:
    """One run of the benchmark.

    Attributes:
        choice: The broker.
        cores: Who runs where.
        scale: How much of everything.
        peers_python: A Python that has the extra `benchmarks`.
        say: Tells the person who waits what is going on.
        measures: What came out so far.
        recorded: Sizes of the catalogues at which this run has recorded a worker.
    """

    choice: BrokerChoice
    cores: Cores
    scale: Scale
    peers_python: Path
    say: Callable[[str], None]
    measures: Measures = field(default_factory=Measures)
    recorded: set[int] = field(default_factory=set)
    _artifacts: dict[tuple[int, bool], Artifact] = field(default_factory=dict)
    _references: dict[int, Reference] = field(default_factory=dict)

    def artifact(self, item_count: int, *, live_counts: bool = False) -> Artifact:
        """Return the artifact of this size; with live counts it is the same network."""
        known = item_count, live_counts
        if known not in self._artifacts:
            self._artifacts[known] = benchmark_artifact(item_count, self.say, live_counts=live_counts)
        return self._artifacts[known]

    def reference(self, item_count: int, count: int) -> Reference:
        """Return the first `count` clicks on a catalogue of this size, with the lists they must get."""
        known = self._references.get(item_count)
        if known is None or len(known.clicks) < count:
            known = compute_reference(self.artifact(item_count), count, self.say)
            self._references[item_count] = known
        return known.head(count)

    def log(self, name: str) -> Path:
        """Return where a program of this name logs to."""
        return BUILD / "logs" / f"{name}.log"
