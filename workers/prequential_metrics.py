"""How the published lists do, as counters: what several workers count adds up.

HitRate@K, MRR@K and NDCG@K are ratios of these counters to the opportunities; `docs/replay.md` has the PromQL.
"""

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Metric
from prometheus_client.registry import Collector

from workers.events import Strategy
from workers.prequential import ScoredClicks
from workers.prequential_tally import cell_sums

_PREFIX = "nextclick_prequential"
# Summed at once: the sums of a micro-batch take most of their time whatever is in it.
_SUMMED_CLICKS = 8_192
# In the order of `CellSums`: name, and what it says.
_COUNTERS = (
    ("opportunities", "Clicks of users who had a list, by its strategy and by the clicks of the user before."),
    ("unknown_items", "Opportunities on items that the model does not know: misses of every list."),
    ("hits", "Opportunities whose item was in the list: HitRate@K is their share of the opportunities."),
    ("reciprocal_ranks", "Sum of 1 / rank over the hits: MRR@K is its share of the opportunities."),
    ("gains", "Sum of 1 / log2(rank + 1) over the hits: NDCG@K is its share of the opportunities."),
    ("popular_hits", "Opportunities whose item is in the popular list, to compare with."),
    ("popular_reciprocal_ranks", "Sum of 1 / rank over the popular list's hits."),
    ("popular_gains", "Sum of 1 / log2(rank + 1) over the popular list's hits."),
)


class PrequentialMetrics(Collector):
    """Counters of scored clicks, summed many at once and whenever they are read.

    Args:
        registry: Where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._waiting: list[ScoredClicks] = []
        self._waiting_clicks = 0
        # Before the counters: a registry is read in the order of registration.
        registry.register(self)
        self._counters = [
            Counter(f"{_PREFIX}_{name}", text, ["strategy", "history"], registry=registry) for name, text in _COUNTERS
        ]
        # To look a counter up by its labels takes longer than to count.
        self._cells: dict[tuple[Strategy, str], Sequence[Counter]] = {}

    def count(self, scored: ScoredClicks) -> None:
        """Count the scored clicks of a micro-batch."""
        if len(scored):
            self._waiting.append(scored)
            self._waiting_clicks += len(scored)
        if self._waiting_clicks >= _SUMMED_CLICKS:
            self._sum_up()

    def collect(self) -> Iterable[Metric]:
        """Bring the counters up to date; they show themselves."""
        self._sum_up()
        return ()

    def _sum_up(self) -> None:
        waiting, self._waiting, self._waiting_clicks = self._waiting, [], 0
        for cell in cell_sums(ScoredClicks.of_batches(waiting)) if waiting else ():
            values = (cell.opportunities, cell.unknown_items, *cell.lists, *cell.popular)
            for counter, value in zip(self._of_cell(cell.strategy, cell.history), values, strict=True):
                if value:
                    counter.inc(value)

    def _of_cell(self, strategy: Strategy, history: str) -> Sequence[Counter]:
        """Return a cell's counters; all of them begin at 0 with its first click."""
        counters = self._cells.get((strategy, history))
        if counters is None:
            counters = self._cells[strategy, history] = [one.labels(strategy, history) for one in self._counters]
        return counters
