"""Scenario 5: how long a worker takes from its start until it is ready, with so many users in its changelog.

The changelog is filled with real state records of users who have clicked 1 to 50 times. Whether the states are there is
then seen in the lists of clicks by some of those users.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.brokers import fresh_broker
from benchmarks.checking import require_each_list
from benchmarks.folders import BUILD
from benchmarks.made_states import MadeStates
from benchmarks.preloaded_runs import after, read_lists
from benchmarks.processes import WORKER, Program
from benchmarks.reference import Reference
from benchmarks.streams import Stream, make_stream
from benchmarks.writing import write_records

ITEMS = 10_240
STORES = ("memory", "rocksdb")
# Clicks a store, each by another user.
CHECKED_CLICKS = 200
USERS_AT_ONCE = 25_000


def measure_restore(bench: Bench, users: int) -> None:
    """Measure a round of both stores with the same changelog."""
    states = MadeStates(bench.artifact(ITEMS), users)
    # Without users every user is new: there is no state whose list could show that it is there.
    reference = states.reference(CHECKED_CLICKS * len(STORES)) if users else None
    with fresh_broker(bench.choice, bench.cores) as address:
        stream = make_stream(address, bench.choice, states.artifact.folder)
        bench.say(f"filling a changelog with {users:,} users")
        record_bytes = asyncio.run(_fill(stream, states))
        if users:
            bench.measures.add(f"restore.record_bytes.users_{users}", record_bytes / users, "bytes/user")
        for number, store in enumerate(STORES):
            _measure_store(bench, stream, store, users, reference, already=number * CHECKED_CLICKS)


async def _fill(stream: Stream, states: MadeStates) -> int:
    """Write every user's record; return how many bytes they are."""
    settings, written = stream.settings, 0
    for first in range(0, states.users, USERS_AT_ONCE):
        records = states.records(range(first, min(first + USERS_AT_ONCE, states.users)))
        await write_records(settings.bootstrap_servers, settings.changelog_topic, records)
        written += sum(len(record.value) for record in records)
    return written


def _measure_store(
    bench: Bench, stream: Stream, store: str, users: int, reference: Reference | None, *, already: int
) -> None:
    """Start a worker with this store and an empty folder; `already` clicks have their lists from another worker."""
    folder = Path(tempfile.mkdtemp(prefix="state-", dir=BUILD))
    own = {"NEXTCLICK_STORE": store, "NEXTCLICK_STATE_FOLDER": str(folder)}
    try:
        started_s = time.monotonic()
        with Program(
            WORKER, {**stream.environment, **own}, bench.log(f"restore-{store}"), bench.cores.worker
        ) as worker:
            worker.wait_until_ready()
            bench.measures.add(f"restore.{store}.users_{users}", time.monotonic() - started_s, "s")
            _add_memory(bench, store, users, worker.resident_bytes)
            if reference is not None:
                _require_states(stream, [worker], reference, already=already)
    finally:
        shutil.rmtree(folder)


def _add_memory(bench: Bench, store: str, users: int, resident_bytes: int) -> None:
    bench.measures.add(f"restore.{store}.users_{users}.resident", resident_bytes / (1 << 20), "MiB")
    without_users = bench.measures.of_this_round(f"restore.{store}.users_0.resident")
    if users and without_users is not None:
        added = resident_bytes - without_users * (1 << 20)
        bench.measures.add(f"restore.{store}.users_{users}.memory", added / users, "bytes/user")


def _require_states(stream: Stream, workers: Sequence[Program], reference: Reference, *, already: int) -> None:
    """Send the next clicks and hold their lists against those of the states that were written.

    Raises:
        WrongListsError: If the worker has other states, or none.
    """
    due = reference.head(already + CHECKED_CLICKS)
    stream.preload(due.clicks, first=already)
    arrivals = read_lists(stream, workers, after(len(due.clicks)))
    require_each_list((value for arrival in arrivals for value in arrival.values), due)
