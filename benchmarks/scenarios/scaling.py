"""Scenario 6: one worker and two, a core each, while the clicks arrive as fast as the broker takes them.

The clicks come once every worker owns its partitions: while a group forms, lists may be published again. On two cores
broker and load share the workers' cores; on more they have the others.
"""

from contextlib import ExitStack

from benchmarks.bench import Bench
from benchmarks.brokers import fresh_broker
from benchmarks.checking import require_each_list
from benchmarks.machine import available_cores, divide_cores
from benchmarks.preloaded_runs import after, read_lists, throughput
from benchmarks.processes import WORKER, Program
from benchmarks.streams import make_stream

ITEMS = 10_240


def measure_scaling(bench: Bench, workers: int) -> None:
    """Measure a round with so many workers."""
    reference = bench.reference(ITEMS, bench.scale.clicks[ITEMS])
    # As for the largest number of workers, so that only their number differs.
    cores = divide_cores(available_cores(), workers=bench.scale.workers[-1])
    with fresh_broker(bench.choice, cores) as address, ExitStack() as stack:
        stream = make_stream(address, bench.choice, reference.artifact.folder)
        programs = [
            stack.enter_context(Program(WORKER, stream.environment, bench.log(f"scaling-{number}"), core))
            for number, core in enumerate(cores.workers[:workers])
        ]
        # Whoever is ready first is so once more after the others have joined.
        for program in programs * 2:
            program.wait_until_ready()
        stream.preload(reference.clicks)
        arrivals = read_lists(stream, programs, after(len(reference.clicks)))
    require_each_list((value for arrival in arrivals for value in arrival.values), reference)
    done = throughput(arrivals, reference.clicks).lists_per_s
    bench.measures.add(f"scaling.workers_{workers}", done, "lists/s")
    alone = bench.measures.of_this_round("scaling.workers_1")
    if workers > 1 and alone is not None:
        bench.measures.add(f"ratio.scaling.workers_{workers}", done / alone, "times")
