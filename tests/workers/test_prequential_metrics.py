"""Counters of scored clicks: whenever they are read, every click is in them, once."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.workers.reports import make_scored
from workers import prequential_metrics
from workers.events import Strategy
from workers.prequential_metrics import PrequentialMetrics


def counted(registry: CollectorRegistry, name: str) -> float:
    """A counter's sum over its cells, as a Prometheus server would read it."""
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return sum(
        sample.value
        for family in families
        if family.name == f"nextclick_prequential_{name}"
        for sample in family.samples
    )


@pytest.mark.parametrize("summed_clicks", [1, 3, 8_192])
def test_every_click_is_counted_once(monkeypatch: pytest.MonkeyPatch, summed_clicks: int) -> None:
    """Summed at once, or some together, or only when somebody reads."""
    monkeypatch.setattr(prequential_metrics, "_SUMMED_CLICKS", summed_clicks)
    registry = CollectorRegistry()
    metrics = PrequentialMetrics(registry)
    assert counted(registry, "opportunities") == 0
    for clicks in range(1, 6):
        metrics.count(make_scored([(2, 0, Strategy.PERSONAL, 7), (0, 1, Strategy.POPULAR, 1)]))
        metrics.count(make_scored([]))
        if clicks in (2, 5):
            for _ in range(2):
                assert counted(registry, "opportunities") == 2 * clicks
                assert counted(registry, "hits") == counted(registry, "popular_hits") == clicks
                assert counted(registry, "reciprocal_ranks") == clicks / 2
