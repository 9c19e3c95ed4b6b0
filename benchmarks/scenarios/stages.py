"""Scenario 4, second half: where a list's time goes, sampled from outside while a worker is busy.

py-spy looks at the worker's stacks 200 times a second. A sample belongs to the deepest file of ours on the stack, so
that what onnxruntime does counts where it is called; no name of the pipeline's is known here.
"""

import asyncio
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.brokers import fresh_broker
from benchmarks.checking import require_each_list, require_one_list_each
from benchmarks.click_sets import ClickSet, make_clicks
from benchmarks.machine import on_cores
from benchmarks.preloaded_runs import after
from benchmarks.processes import WORKER, Program
from benchmarks.reading import Arrival, topic_tail
from benchmarks.stacks import stage_shares
from benchmarks.streams import PARTITIONS, Stream, make_stream
from export.artifact import Artifact
from models.errors import NextclickError

SAMPLES_PER_S = 200
# Where this run has not measured it.
ASSUMED_CLICKS_PER_S = 3_000.0
# Of the time that the clicks last: what comes after the last click would pass for waiting.
SAMPLED_SHARE = 0.5


@dataclass(frozen=True)
class _Samples:
    """What py-spy saw.

    Attributes:
        stacks: Its raw lines.
        looks: How often it looked.
        started_s: When it was started, `time.monotonic`.
        ended_s: When it had ended.
    """

    stacks: list[str]
    looks: int
    started_s: float
    ended_s: float


def measure_stages(bench: Bench, item_count: int) -> None:
    """Measure a round: microseconds a list, by stage; with the waiting they add up to the whole."""
    reference = bench.reference(item_count, bench.scale.clicks[item_count])
    rate = bench.measures.of_this_round(f"throughput.items_{item_count}.per_click")
    arrivals = _measure(bench, reference.clicks, reference.artifact, f"stages.items_{item_count}", rate)
    require_each_list((value for arrival in arrivals for value in arrival.values), reference)


def measure_counting_stages(bench: Bench, item_count: int) -> None:
    """Measure a round of a worker that counts what everyone clicks and ranks with it."""
    clicks = make_clicks(item_count, bench.scale.clicks[item_count])
    rate = bench.measures.of_this_round(f"live_counts.items_{item_count}")
    artifact = bench.artifact(item_count, live_counts=True)
    arrivals = _measure(bench, clicks, artifact, f"stages.live_counts_{item_count}", rate)
    require_one_list_each((value for arrival in arrivals for value in arrival.values), clicks)


def _measure(bench: Bench, clicks: ClickSet, artifact: Artifact, name: str, rate: float | None) -> list[Arrival]:
    """Sample a worker in the middle of these clicks."""
    clicks_per_s = ASSUMED_CLICKS_PER_S if rate is None else rate
    seconds = max(1, round(min(bench.scale.profile_s, SAMPLED_SHARE * len(clicks) / clicks_per_s)))
    with fresh_broker(bench.choice, bench.cores) as address:
        stream = make_stream(address, bench.choice, artifact.folder)
        stream.preload(clicks)
        with Program(WORKER, stream.environment, bench.log("sampled"), bench.cores.worker) as worker:
            arrivals, samples = asyncio.run(_watch(bench, stream, worker, len(clicks), seconds))
    list_us = _list_us(arrivals, samples)
    for stage, share in stage_shares(samples.stacks, samples.looks).items():
        bench.measures.add(f"{name}.{stage}", share * list_us, "us/list")
    return arrivals


async def _watch(
    bench: Bench, stream: Stream, worker: Program, count: int, seconds: int
) -> tuple[list[Arrival], _Samples]:
    """Sample the worker once it is at work, and read all its lists."""
    settings = stream.settings
    async with topic_tail(
        settings.bootstrap_servers, settings.recommendations_topic, PARTITIONS, worker.require_running
    ) as tail:
        await tail.read_until(after(1))
        sampling = asyncio.create_task(asyncio.to_thread(_sample, bench, worker.pid, seconds))
        missing = count - sum(len(arrival.values) for arrival in tail.arrivals)
        if missing > 0:
            await tail.read_until(after(missing))
        return tail.arrivals, await sampling


def _sample(bench: Bench, pid: int, seconds: int) -> _Samples:
    sampler, path = bench.peers_python.with_name("py-spy"), bench.log("stacks")
    if not sampler.exists():
        raise NextclickError(f"{sampler} is missing: `make bench` makes its environment.")
    command = [sampler, "record", "--pid", pid, "--rate", SAMPLES_PER_S, "--duration", seconds]
    command += ["--format", "raw", "--nolineno", "--output", path]
    started_s = time.monotonic()
    with on_cores(bench.cores.others):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        raise NextclickError(f"py-spy cannot look into the worker: {done.stderr.strip()}")
    stacks = Path(path).read_text(encoding="utf-8").splitlines()
    return _Samples(stacks, seconds * SAMPLES_PER_S, started_s, time.monotonic())


def _list_us(arrivals: list[Arrival], samples: _Samples) -> float:
    """Return what a list took while the worker was sampled, in microseconds."""
    if arrivals[-1].at_s < samples.ended_s:
        raise NextclickError("The worker had done all its work before it was sampled: sample it with more clicks.")
    lists = sum(len(one.values) for one in arrivals if samples.started_s <= one.at_s <= samples.ended_s)
    return (samples.ended_s - samples.started_s) * 1e6 / lists
