"""`python -m tests.chaos.recovery_time`: from kill -9 of one of two workers to its users' clicks being served again.

Measured at the broker: how long after the kill the first list of each partition was written that the dead worker had
owned. What is in it: the session timeout, a rebalance, the restore of the states that the other worker does not have.
The states are made ones, in the changelog before the workers start, of a size that real ones have.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.artifacts import benchmark_artifact
from benchmarks.click_sets import FIRST_CLICK_MS, item_id, user_id
from benchmarks.made_states import MadeStates
from benchmarks.streams import PARTITIONS
from benchmarks.writing import write_records
from nextclick.embedded_broker import given_or_embedded
from nextclick.topics import create_topics, planned_topics
from tests.chaos.checker.records import read_topic
from tests.chaos.click_load import ClickLoad, OutgoingClick, encode_click
from tests.chaos.worker_slots import WorkerSlot
from tests.integration.harness import Stream, plan_stream

ITEMS = 10_240
USERS_AT_ONCE = 25_000
# So that every partition has a click, and then a list, every few hundredths of a second.
CLICKS_PER_SECOND = 200.0
BEFORE_S = 4.0
LONGEST_S = 240.0
LAG = 'nextclick_consumer_lag_records{partition="'
STANDBY_LAG = "nextclick_standby_lag_records{"


@dataclass(frozen=True)
class Recovery:
    """One kill.

    Attributes:
        partitions: How many the dead worker had owned.
        first_s: When the first of them was served again, after the kill.
        last_s: When the last one was.
    """

    partitions: int
    first_s: float
    last_s: float


def measure(
    servers: str, folder: Path, states: MadeStates, *, standby_replicas: int, store: str, session_timeout_s: int
) -> Recovery:
    """Have two workers share made states, kill one, and see when its partitions are served again.

    Raises:
        TimeoutError: If they are not within minutes.
    """
    stream = plan_stream(
        servers,
        states.artifact.folder,
        f"recovery-{time.time_ns()}",
        session_timeout_s=session_timeout_s,
        standby_replicas=standby_replicas,
        store=store,
    )
    create_topics(servers, planned_topics(stream.settings), partitions=PARTITIONS, replication_factor=1)
    asyncio.run(_fill(stream, states))
    slots = [WorkerSlot(f"worker-{number}", stream.environment, folder) for number in (1, 2)]
    try:
        for slot in slots:
            slot.start()
        owned = _owned_partitions(slots[0])
        for slot in slots:
            slot.wait_until_ready(LONGEST_S)
        _wait_for_standbys(slots, standby_replicas)
        after_s = _kill_and_wait(stream, slots[0], owned, states.users)
    finally:
        for slot in slots:
            slot.close()
    return Recovery(len(owned), after_s[0], after_s[-1])


def _kill_and_wait(stream: Stream, slot: WorkerSlot, owned: Sequence[int], users: int) -> list[float]:
    """Kill a worker under load; return after how long each of its partitions was served again, in order."""
    settings = stream.settings
    load = ClickLoad(settings.bootstrap_servers, settings.clicks_topic, _clicks(users), CLICKS_PER_SECOND)
    load.start()
    time.sleep(BEFORE_S)
    killed_ms = time.time() * 1000
    slot.kill()
    served_ms = _wait_until_served(stream, owned, killed_ms)
    load.stop()
    return sorted((served_ms[partition] - killed_ms) / 1000 for partition in owned)


async def _fill(stream: Stream, states: MadeStates) -> None:
    """Write every user's state."""
    settings = stream.settings
    for first in range(0, states.users, USERS_AT_ONCE):
        records = states.records(range(first, min(first + USERS_AT_ONCE, states.users)))
        await write_records(settings.bootstrap_servers, settings.changelog_topic, records)


def _clicks(users: int) -> Iterator[OutgoingClick]:
    """Yield clicks of all users in turn, each to the partition of its user's state."""
    for number in count():
        user = number % users
        fields = {
            "user_id": user_id(user),
            "item_id": item_id(number % ITEMS),
            "timestamp_ms": FIRST_CLICK_MS + number,
        }
        click = encode_click(fields)
        yield OutgoingClick(click.key, click.value, user % PARTITIONS)


def _owned_partitions(slot: WorkerSlot) -> list[int]:
    """Return the partitions of the click topic that a worker owns, once it says so; it measures every few seconds."""
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline:
        owned = [int(series[len(LAG) : -2]) for series in slot.metrics() if series.startswith(LAG)]
        if 0 < len(owned) < PARTITIONS:
            return owned
        time.sleep(1)
    raise TimeoutError(f"{slot.name} and the other worker do not share the partitions: see {slot.log}")


def _wait_for_standbys(slots: Sequence[WorkerSlot], standby_replicas: int) -> None:
    """Wait until every standby has read what there is.

    Raises:
        TimeoutError: If one has not within minutes.
    """
    deadline = time.monotonic() + LONGEST_S
    while True:
        lags = [value for slot in slots for series, value in slot.metrics().items() if series.startswith(STANDBY_LAG)]
        if len(lags) >= standby_replicas * PARTITIONS and not any(lags):
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"The standbys do not come to the end of the changelog: they lack {lags}.")
        time.sleep(1)


def _wait_until_served(stream: Stream, partitions: Sequence[int], killed_ms: float) -> dict[int, float]:
    """Return when the first list after the kill was written, by partition."""
    deadline = time.monotonic() + LONGEST_S
    settings = stream.settings
    while time.monotonic() < deadline:
        time.sleep(2)
        served: dict[int, float] = {}
        for record in read_topic(settings.bootstrap_servers, settings.recommendations_topic):
            # A list that was on its way when its worker was killed is none of the other worker's.
            if record.timestamp_ms > killed_ms + 500:
                served.setdefault(record.partition, record.timestamp_ms)
        if set(partitions) <= served.keys():
            return served
    raise TimeoutError(f"Partitions {sorted(partitions)} were not served again within {LONGEST_S} s.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure with and without standby replicas, print the medians, return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.recovery_time", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--users", type=int, default=20_000, help="states that there are to restore")
    parser.add_argument("--session-timeout-s", type=int, default=6)
    parser.add_argument("--store", choices=("memory", "rocksdb"), default="memory")
    parser.add_argument("--bootstrap-servers", metavar="SERVERS", help="a broker; default: the embedded one")
    parser.add_argument("--report", type=Path, metavar="FILE", help="where the figures go as JSON")
    given = parser.parse_args(arguments)
    console = Console()
    states = MadeStates(benchmark_artifact(ITEMS, console.print), given.users)
    table = Table("standby replicas", "first partition, s", "last partition, s", title="Served again after kill -9")
    figures = {}
    with given_or_embedded(given.bootstrap_servers) as servers:
        for standby_replicas in (0, 1):
            recoveries = [
                measure(
                    servers,
                    Path(tempfile.mkdtemp(prefix="nextclick-recovery-")),
                    states,
                    standby_replicas=standby_replicas,
                    store=given.store,
                    session_timeout_s=given.session_timeout_s,
                )
                for _ in range(given.rounds)
            ]
            first_s = median(one.first_s for one in recoveries)
            last_s = median(one.last_s for one in recoveries)
            figures[standby_replicas] = {"first_s": first_s, "last_s": last_s}
            table.add_row(str(standby_replicas), f"{first_s:.1f}", f"{last_s:.1f}")
            console.print(f"standby replicas {standby_replicas}: {recoveries}, load {os.getloadavg()[0]:.1f}")
    console.print(table)
    if given.report is not None:
        given.report.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
