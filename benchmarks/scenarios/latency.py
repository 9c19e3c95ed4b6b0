"""Scenario 3: from a click's due time to its list's arrival, at fixed rates, beside an empty echo."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from aiokafka import AIOKafkaProducer
from numpy.typing import NDArray

from benchmarks.bench import Bench
from benchmarks.brokers import fresh_broker
from benchmarks.checking import click_number, require_each_echo, require_each_list
from benchmarks.measures import percentile
from benchmarks.open_loop import OpenLoop
from benchmarks.preloaded_runs import after
from benchmarks.processes import WORKER, Program
from benchmarks.reading import Arrival, topic_tail
from benchmarks.reference import Reference
from benchmarks.streams import PARTITIONS, Stream, make_stream
from benchmarks.writing import Record

ITEMS = 10_240
ECHO = (sys.executable, "-m", "benchmarks.programs.echo_worker")
# Answered before the load begins: then the group has formed and the model is warm.
PROBES = 64
# Clicks a second while the broker is warmed up: enough for the one, little enough for any rate that is measured.
WARM_UP_RATE = 1_000
SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.5": 0.995}


@dataclass(frozen=True)
class _Load:
    """What came of a load.

    Attributes:
        values: Everything that was published.
        latency_ms: From due to arrival, of the clicks that count.
        lateness_ms: From due to the producer's hands, of the same clicks.
    """

    values: list[bytes]
    latency_ms: NDArray[np.float64]
    lateness_ms: NDArray[np.float64]


def measure_latency(bench: Bench, rate: int) -> None:
    """Measure a round of the worker and of the echo at this many clicks a second."""
    count = PROBES + round(rate * (bench.scale.warm_s + bench.scale.load_s))
    reference = bench.reference(ITEMS, count)
    with fresh_broker(bench.choice, bench.cores) as address:
        _warm_up(bench, address)
        for name, command in (("echo", ECHO), ("latency", WORKER)):
            load = _run(bench, address, reference, command, name=name, rate=rate)
            if command is WORKER:
                require_each_list(load.values, reference)
            else:
                require_each_echo(load.values, reference.clicks)
            for label, share in SHARES.items():
                bench.measures.add(f"{name}.rate_{rate}.{label}", percentile(load.latency_ms, share), "ms")
            bench.measures.add(f"{name}.rate_{rate}.load_late_p99", percentile(load.lateness_ms, 0.99), "ms")
    _add_difference(bench, rate)


def _warm_up(bench: Bench, address: str) -> None:
    """Have the broker serve requests of the same kinds: a JVM that has just started is still compiling."""
    reference = bench.reference(ITEMS, PROBES + round(WARM_UP_RATE * bench.scale.broker_warm_s))
    _run(bench, address, reference, ECHO, name="warm-up", rate=WARM_UP_RATE)


def _add_difference(bench: Bench, rate: int) -> None:
    ours = bench.measures.of_this_round(f"latency.rate_{rate}.p90")
    echo = bench.measures.of_this_round(f"echo.rate_{rate}.p90")
    if ours is not None and echo is not None:
        bench.measures.add(f"latency.rate_{rate}.p90_above_echo", ours - echo, "ms")


def _run(bench: Bench, address: str, reference: Reference, command: Sequence[str], *, name: str, rate: int) -> _Load:
    stream = make_stream(address, bench.choice, reference.artifact.folder)
    stream.preload(reference.clicks.head(PROBES))
    with Program(command, stream.environment, bench.log(name), bench.cores.worker) as program:
        arrivals, loop = asyncio.run(_drive(stream, program, reference, rate))
    uncounted = PROBES + round(rate * bench.scale.warm_s)
    due_s = np.concatenate([np.full(PROBES, np.nan), loop.due_s])
    handed_over_s = np.concatenate([np.full(PROBES, np.nan), loop.handed_over_s])
    arrived_s = arrival_times(arrivals, len(reference.clicks))
    return _Load(
        values=[value for arrival in arrivals for value in arrival.values],
        latency_ms=(arrived_s - due_s)[uncounted:] * 1000,
        lateness_ms=(handed_over_s - due_s)[uncounted:] * 1000,
    )


async def _drive(stream: Stream, program: Program, reference: Reference, rate: float) -> tuple[list[Arrival], OpenLoop]:
    """Wait for the probes' lists, then send the load and read everything."""
    settings = stream.settings
    records = [Record(user % PARTITIONS, key, value) for user, key, value in reference.clicks.records()][PROBES:]
    producer = AIOKafkaProducer(bootstrap_servers=settings.bootstrap_servers, acks="all", linger_ms=0)
    async with (
        producer,
        topic_tail(
            settings.bootstrap_servers, settings.recommendations_topic, PARTITIONS, program.require_running
        ) as tail,
    ):
        await tail.read_until(after(PROBES))
        loop = OpenLoop(producer, settings.clicks_topic, records, rate)
        await asyncio.gather(loop.send_all(), tail.read_until(after(len(records))))
        return tail.arrivals, loop


def arrival_times(arrivals: Sequence[Arrival], count: int) -> NDArray[np.float64]:
    """Return when each click's first list was there, (count,); nan for a click that has none."""
    arrived_s = np.full(count, np.nan)
    for arrival in reversed(arrivals):
        for value in arrival.values:
            arrived_s[click_number(value)] = arrival.at_s
    return arrived_s
