"""Workers' counters added up over the lives of several workers: a counter that begins again goes on here.

What a worker counts between the last reading and its end by signal 9 is nowhere. So these sums are for ratios, hits to
opportunities; that nothing was lost is said by `account.py`, which asks no worker.
"""

from nextclick.page.worker_pages import Labels, Samples

PREQUENTIAL = "nextclick_prequential_"


class CounterSums:
    """The prequential counters of all workers so far."""

    def __init__(self) -> None:
        self._newest: dict[tuple[str, str, Labels], float] = {}
        self._sums: dict[str, float] = {}

    def take(self, worker: str, samples: Samples) -> None:
        """Add what a worker has counted since its last reading.

        Args:
            worker: Its name, the same over its lives.
            samples: What it counts now.
        """
        for (series, labels), value in samples.items():
            if not series.startswith(PREQUENTIAL):
                continue
            before = self._newest.get((worker, series, labels), 0.0)
            # Less than before: it began again at 0, as a counter of Prometheus is read.
            grown = value - before if value >= before else value
            self._newest[worker, series, labels] = value
            self._sums[series] = self._sums.get(series, 0.0) + grown

    def sum_of(self, name: str) -> float:
        """Return a counter's sum, by its name without prefix and `_total`."""
        return self._sums.get(f"{PREQUENTIAL}{name}_total", 0.0)
