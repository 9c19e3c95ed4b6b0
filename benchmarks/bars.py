"""What the worker has to reach, beside what it reached; ratios hold on a noisy machine as well."""

from collections.abc import Mapping
from typing import NamedTuple

from benchmarks.measures import Measure


class Bar(NamedTuple):
    """What a measure's median has to be.

    Attributes:
        measure: Its name.
        least: At least this much; None: no lower bound.
        most: At most this much; None: no upper bound.
        is_aim: Wished for, not required.
    """

    measure: str
    least: float | None = None
    most: float | None = None
    is_aim: bool = False

    @property
    def text(self) -> str:
        """`at least 12`."""
        bound = f"at least {self.least:,g}" if self.least is not None else f"at most {self.most:,g}"
        return f"{bound}, the aim" if self.is_aim else bound

    def is_met_by(self, figure: float) -> bool:
        """Tell whether a figure is within the bar."""
        return (self.least is None or figure >= self.least) and (self.most is None or figure <= self.most)


BARS = (
    Bar("ratio.faust.items_10240", least=12),
    Bar("ratio.quix.items_10240", least=3.5),
    Bar("ratio.onnxruntime.items_10240", most=1.6),
    Bar("throughput.items_10240.per_click", least=20_000, is_aim=True),
    Bar("ratio.live_counts.items_10240", least=0.8),
    Bar("throughput.items_102400.per_click", least=4_500),
    Bar("ratio.onnxruntime.items_102400", most=1.4),
    Bar("throughput.items_1024000.per_click", least=500),
    Bar("throughput.items_1024000.per_click", least=1_000, is_aim=True),
    Bar("latency.rate_1000.p90_above_echo", most=2),
    Bar("latency.rate_1000.p90", most=7, is_aim=True),
    Bar("latency.rate_1000.p99.5", most=15, is_aim=True),
    Bar("restore.memory.users_1000000", most=20),
    Bar("restore.rocksdb.users_1000000", most=45),
)


def judged(measures: Mapping[str, Measure]) -> list[tuple[Bar, Measure, bool]]:
    """Return every bar whose measure was taken, the measure, and whether it is met."""
    return [
        (bar, measures[bar.measure], bar.is_met_by(measures[bar.measure].median))
        for bar in BARS
        if bar.measure in measures
    ]
