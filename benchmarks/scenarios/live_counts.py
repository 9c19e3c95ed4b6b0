"""Scenario 1 with live counts: the same clicks and the same network, ranked with what everyone clicks."""

from benchmarks.bench import Bench
from benchmarks.brokers import fresh_broker
from benchmarks.checking import require_counts, require_one_list_each
from benchmarks.click_sets import make_clicks
from benchmarks.preloaded_runs import after, run_preloaded, throughput
from benchmarks.processes import WORKER, Program
from benchmarks.streams import make_stream
from models.counts.recipe import CountsRecipe
from nextclick.topic_reading import TopicReader


def measure_live_counts(bench: Bench, item_count: int) -> None:
    """Measure a round of a worker that counts, and what it is of one that does not."""
    clicks = make_clicks(item_count, bench.scale.clicks[item_count])
    artifact = bench.artifact(item_count, live_counts=True)
    with fresh_broker(bench.choice, bench.cores) as address:
        stream = make_stream(address, bench.choice, artifact.folder)
        worker = Program(WORKER, stream.environment, bench.log("worker-counts"), bench.cores.worker)
        arrivals = run_preloaded(stream, clicks, worker, after(len(clicks)))
        with TopicReader(address, stream.settings.counts_topic) as reader:
            records = [(one.key, one.value) for one in reader.read_to_end()]
    require_one_list_each((value for arrival in arrivals for value in arrival.values), clicks)
    require_counts(records, clicks, CountsRecipe().bucket_ms)
    done = throughput(arrivals, clicks)
    bench.measures.add(f"live_counts.items_{item_count}", done.lists_per_s, "lists/s")
    without = bench.measures.of_this_round(f"throughput.items_{item_count}.per_click")
    if without is not None:
        bench.measures.add(f"ratio.live_counts.items_{item_count}", done.lists_per_s / without, "times")
