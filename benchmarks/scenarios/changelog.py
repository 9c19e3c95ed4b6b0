"""Scenario 5, second half: what a click adds to the changelog."""

import asyncio

from benchmarks.bench import Bench
from benchmarks.brokers import fresh_broker
from benchmarks.checking import require_each_list
from benchmarks.preloaded_runs import after, run_preloaded
from benchmarks.processes import WORKER, Program
from benchmarks.reading import count_bytes
from benchmarks.streams import PARTITIONS, make_stream

ITEMS = 10_240


def measure_changelog(bench: Bench) -> None:
    """Measure keys and values of the state records that a preloaded topic leaves behind, a click."""
    reference = bench.reference(ITEMS, bench.scale.changelog_clicks)
    with fresh_broker(bench.choice, bench.cores) as address:
        stream = make_stream(address, bench.choice, reference.artifact.folder)
        worker = Program(WORKER, stream.environment, bench.log("changelog"), bench.cores.worker)
        arrivals = run_preloaded(stream, reference.clicks, worker, after(len(reference.clicks)))
        require_each_list((value for arrival in arrivals for value in arrival.values), reference)
        written = asyncio.run(count_bytes(address, stream.settings.changelog_topic, PARTITIONS))
    bench.measures.add("changelog.per_click", written / len(reference.clicks), "bytes/click")
