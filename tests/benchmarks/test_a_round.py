"""A round of the real thing on a tiny catalogue: worker and echo on embedded brokers, from end to end."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.bench import Bench
from benchmarks.brokers import BrokerChoice
from benchmarks.machine import available_cores, divide_cores
from benchmarks.measures import Measure
from benchmarks.scales import QUICK
from benchmarks.scenarios import latency, restore
from benchmarks.scenarios.latency import measure_latency
from benchmarks.scenarios.limit import measure_onnxruntime
from benchmarks.scenarios.peer_runs import measure_quix
from benchmarks.scenarios.restore import measure_restore
from benchmarks.scenarios.throughput import measure_per_click
from export.artifact import Artifact
from models.errors import BrokerError, NextclickError
from nextclick.embedded_broker import find_binary
from tests.benchmarks.conftest import ITEMS

pytestmark = pytest.mark.slow


@pytest.fixture
def bench(small_artifact: Artifact, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench whose only catalogue is the small one, with an embedded broker for every measurement."""
    try:
        find_binary()
    except BrokerError as error:
        pytest.skip(str(error))
    monkeypatch.setattr(latency, "ITEMS", ITEMS)
    monkeypatch.setattr(restore, "ITEMS", ITEMS)
    scale = replace(QUICK, clicks={ITEMS: 8_000}, profile_s=0.2, warm_s=0.2, load_s=0.5)
    made = Bench(
        BrokerChoice(None, None), divide_cores(available_cores()), scale, Path("nowhere/bin/python"), lambda _: None
    )
    made._artifacts[ITEMS, False] = small_artifact
    return made


def test_what_is_compared_is_measured_and_related(bench: Bench) -> None:
    measure_per_click(bench, ITEMS)
    measure_onnxruntime(bench, ITEMS)
    measures = bench.measures.by_name()
    ours = measures[f"throughput.items_{ITEMS}.per_click"].median
    alone = measures[f"onnxruntime.items_{ITEMS}"].median
    assert 0 < ours < alone
    assert measures[f"ratio.onnxruntime.items_{ITEMS}"] == Measure(*(3 * (alone / ours,)), "times")


def test_latency_of_the_worker_stands_beside_that_of_the_echo(bench: Bench) -> None:
    measure_latency(bench, 200)
    measures = bench.measures.by_name()
    for name in ("latency", "echo"):
        percentiles = [measures[f"{name}.rate_200.{label}"].median for label in ("p50", "p90", "p99", "p99.5")]
        assert percentiles[0] > 0
        assert percentiles == sorted(percentiles)


def test_states_are_restored_and_seen_in_lists(bench: Bench) -> None:
    measure_restore(bench, 1_000)
    measures = bench.measures.by_name()
    for store in ("memory", "rocksdb"):
        assert measures[f"restore.{store}.users_1000"].median > 0
        assert measures[f"restore.{store}.users_1000.resident"].median > 0


def test_a_peer_without_its_environment_is_an_error_that_says_so(bench: Bench) -> None:
    with pytest.raises(NextclickError, match="nowhere/bin/python is missing: `make bench` makes"):
        measure_quix(bench, ITEMS)
