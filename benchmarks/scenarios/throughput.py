"""Scenario 1: clicks applied and lists published a second, by size of the catalogue."""

from benchmarks.bench import Bench
from benchmarks.brokers import fresh_broker
from benchmarks.checking import require_each_list, require_newest_lists
from benchmarks.preloaded_runs import Throughput, after, after_last_clicks, run_preloaded, throughput
from benchmarks.processes import WORKER, Program
from benchmarks.streams import make_stream

UNIT = "clicks/s"


def measure_per_click(bench: Bench, item_count: int) -> None:
    """Measure a round in which every click gets its list."""
    done = _run(bench, item_count, publish="per-click")
    bench.measures.add(f"throughput.items_{item_count}.per_click", done.clicks_per_s, UNIT)


def measure_per_batch(bench: Bench, item_count: int) -> None:
    """Measure a round in which several clicks of one user in one micro-batch get one list."""
    done = _run(bench, item_count, publish="per-batch")
    bench.measures.add(f"throughput.items_{item_count}.per_batch", done.clicks_per_s, UNIT)
    bench.measures.add(f"throughput.items_{item_count}.per_batch_lists", done.lists_per_s, "lists/s")


def _run(bench: Bench, item_count: int, *, publish: str) -> Throughput:
    reference = bench.reference(item_count, bench.scale.clicks[item_count])
    clicks = reference.clicks
    per_click = publish == "per-click"
    with fresh_broker(bench.choice, bench.cores) as address:
        stream = make_stream(address, bench.choice, reference.artifact.folder, publish=publish)
        worker = Program(WORKER, stream.environment, bench.log(f"worker-{publish}"), bench.cores.worker)
        is_complete = after(len(clicks)) if per_click else after_last_clicks(clicks)
        arrivals = run_preloaded(stream, clicks, worker, is_complete)
    lists = (value for arrival in arrivals for value in arrival.values)
    if per_click:
        require_each_list(lists, reference)
    else:
        require_newest_lists(lists, reference)
    return throughput(arrivals, clicks)
