import numpy as np
import pytest

from benchmarks.measures import Measure, Measures, percentile


def test_a_measure_is_the_median_of_its_rounds_and_their_spread() -> None:
    measures = Measures()
    for figure in (30.0, 10.0, 20.0):
        measures.add("throughput", figure, "lists/s")
    assert measures.by_name() == {"throughput": Measure(20.0, 10.0, 30.0, "lists/s")}


def test_what_is_compared_is_of_this_round() -> None:
    measures = Measures()
    measures.add("throughput", 30.0, "lists/s")
    assert measures.of_this_round("throughput") == 30.0
    measures.begin_round()
    assert measures.of_this_round("throughput") is None
    assert measures.by_name()["throughput"].median == 30.0


def test_a_measure_keeps_its_unit() -> None:
    measures = Measures()
    measures.add("latency", 1.0, "ms")
    with pytest.raises(ValueError, match="latency is measured in ms, not in s"):
        measures.add("latency", 1.0, "s")


@pytest.mark.parametrize(("share", "figure"), [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0), (0.995, 995.0)])
def test_a_percentile_is_a_figure_that_was_measured(share: float, figure: float) -> None:
    figures = np.random.default_rng(0).permutation(np.arange(1.0, 1001.0))
    assert percentile(figures, share) == figure


def test_a_high_percentile_of_few_figures_is_the_worst_of_them() -> None:
    assert percentile(np.array([1.0, 2.0, 9.0]), 0.995) == 9.0
