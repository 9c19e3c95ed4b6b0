"""How the published lists do, as counters: what several workers count adds up.

HitRate@K, MRR@K and NDCG@K are ratios of these counters to the opportunities; `docs/replay.md` has the PromQL.
"""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter

from workers.events import Strategy
from workers.prequential import ScoredClicks
from workers.prequential_tally import cell_sums

_PREFIX = "nextclick_prequential"
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


class PrequentialMetrics:
    """Counters of scored clicks.

    Args:
        registry: Where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counters = [
            Counter(f"{_PREFIX}_{name}", text, ["strategy", "history"], registry=registry) for name, text in _COUNTERS
        ]
        # To look a counter up by its labels takes longer than to count.
        self._cells: dict[tuple[Strategy, str], Sequence[Counter]] = {}

    def count(self, scored: ScoredClicks) -> None:
        """Count the scored clicks of a micro-batch."""
        if len(scored):
            for cell in cell_sums(scored):
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
