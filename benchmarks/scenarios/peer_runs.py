"""Scenario 2: the same clicks and the same graphs in what others would have written."""

import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.brokers import fresh_broker
from benchmarks.checking import require_each_list
from benchmarks.folders import BUILD
from benchmarks.preloaded_runs import after, run_preloaded, throughput
from benchmarks.processes import Program
from benchmarks.streams import make_stream
from models.errors import NextclickError


def measure_faust(bench: Bench, item_count: int) -> None:
    """Measure a round of the obvious Faust worker."""
    _measure(bench, item_count, "faust", bench.scale.faust_clicks, Path(sys.executable))


def measure_quix(bench: Bench, item_count: int) -> None:
    """Measure a round of Quix Streams.

    Raises:
        NextclickError: If there is no environment that has it.
    """
    if not bench.peers_python.exists():
        raise NextclickError(f"{bench.peers_python} is missing: `make bench` makes the environment of Quix Streams.")
    _measure(bench, item_count, "quix", bench.scale.quix_clicks, bench.peers_python)


def _measure(bench: Bench, item_count: int, peer: str, count: int, python: Path) -> None:
    reference = bench.reference(item_count, count)
    state_folder = Path(tempfile.mkdtemp(prefix=f"state-{peer}-", dir=BUILD))
    try:
        with fresh_broker(bench.choice, bench.cores) as address:
            stream = make_stream(address, bench.choice, reference.artifact.folder, state_folder=state_folder)
            command = [str(python), "-m", f"benchmarks.peers.{peer}_worker"]
            program = Program(command, stream.environment, bench.log(peer), bench.cores.worker)
            arrivals = run_preloaded(stream, reference.clicks, program, after(len(reference.clicks)))
    finally:
        shutil.rmtree(state_folder)
    require_each_list((value for arrival in arrivals for value in arrival.values), reference)
    done = throughput(arrivals, reference.clicks)
    bench.measures.add(f"peer.{peer}.items_{item_count}", done.lists_per_s, "lists/s")
    ours = bench.measures.of_this_round(f"throughput.items_{item_count}.per_click")
    if ours is not None:
        bench.measures.add(f"ratio.{peer}.items_{item_count}", ours / done.lists_per_s, "times")
