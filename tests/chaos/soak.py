"""`python -m tests.chaos.soak`: a million clicks of 100,000 users through one worker, and what grew meanwhile.

Users click in turn, and the ring is short: after `WARM_ROUNDS` clicks of each, every state has its final size, and
whatever grows from there on grows without end.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from models.counts.recipe import CountsRecipe
from nextclick.embedded_broker import given_or_embedded
from nextclick.topics import create_topics, planned_topics
from tests.chaos.click_load import ClickLoad, OutgoingClick, encode_click
from tests.chaos.click_source import MAY_2024_MS
from tests.chaos.growth import Growth, Sample, growth, process_values
from tests.chaos.watched_worker import WATCHED_WORKER
from tests.chaos.worker_slots import WorkerSlot
from tests.factories import TINY_ITEM_IDS, make_tiny_artifact
from tests.integration.harness import plan_stream

PARTITIONS = 8
RING_LENGTH = 2
WARM_ROUNDS = 3
# A round of clicks is a bucket of live counts.
ROUND_MS = 10_000
COUNTS = CountsRecipe(bucket_ms=ROUND_MS, boost_length=16)
# What may differ between two moments of a process that does not grow.
ALLOWED = {
    "memory, MiB": 16.0,
    "threads": 2,
    "file handles": 4,
    "tasks": 8,
    "objects": 20_000,
    "uncommitted offsets": 8,
}
# The embedded broker takes its time over a log of a gigabyte.
STALL_TIMEOUT_S = 180.0


@dataclass(frozen=True)
class SoakReport:
    """What a soak found.

    Attributes:
        clicks: Sent, and each acknowledged.
        outcomes: What the worker says became of them.
        lists: Lists that it published.
        growth: How each value grew after the warm-up.
        seconds: From the first click to the last one processed.
    """

    clicks: int
    outcomes: Mapping[str, float]
    lists: float
    growth: Mapping[str, Growth]
    seconds: float

    @property
    def grew(self) -> list[str]:
        """What grew by more than it may."""
        return [name for name, one in self.growth.items() if one.grown > ALLOWED[name]]

    @property
    def holds(self) -> bool:
        """Whether every click was applied once, every list published, and nothing grew."""
        return not self.grew and self.lists == self.outcomes.get("applied") == self.clicks


def soak(clicks: int, users: int, clicks_per_second: float, servers: str, folder: Path, sample_s: float) -> SoakReport:
    """Send the clicks to a worker of its own and watch it.

    Raises:
        TimeoutError: If the worker makes no progress for three minutes.
        ValueError: If there are too few clicks for a warm-up and something behind it.
    """
    artifact = make_tiny_artifact(folder / "artifact", list_length=20, ring_length=RING_LENGTH, counts=COUNTS)
    stream = plan_stream(servers, artifact.folder, f"soak-{time.time_ns()}")
    create_topics(servers, planned_topics(stream.settings), partitions=PARTITIONS, replication_factor=1)
    slot = WorkerSlot("soak", stream.environment, folder, WATCHED_WORKER)
    slot.start()
    try:
        slot.wait_until_ready()
        load = ClickLoad(servers, stream.settings.clicks_topic, rounds_of_clicks(clicks, users), clicks_per_second)
        started_s = time.monotonic()
        load.start()
        samples = list(_samples(slot, load, clicks, sample_s))
        seconds = time.monotonic() - started_s
        report = load.wait()
        metrics = slot.metrics()
    finally:
        slot.close()
    outcomes = _labelled(metrics, "nextclick_clicks_total", "outcome")
    lists = sum(_labelled(metrics, "nextclick_lists_total", "strategy").values())
    return SoakReport(report.acknowledged, outcomes, lists, growth(samples, WARM_ROUNDS * users), seconds)


def rounds_of_clicks(clicks: int, users: int) -> Iterator[OutgoingClick]:
    """Yield clicks of all users in turn, ten seconds from round to round."""
    for number in range(clicks):
        round_, user = divmod(number, users)
        item_id = TINY_ITEM_IDS[(user * 7 + round_ * 11) % len(TINY_ITEM_IDS)]
        timestamp_ms = MAY_2024_MS + ROUND_MS * round_
        yield encode_click({"user_id": f"user-{user}", "item_id": item_id, "timestamp_ms": timestamp_ms})


def _samples(slot: WorkerSlot, load: ClickLoad, clicks: int, sample_s: float) -> Iterator[Sample]:
    """Look at the worker until it has processed every click."""
    processed = 0.0
    deadline = time.monotonic() + STALL_TIMEOUT_S
    while processed < clicks:
        time.sleep(sample_s)
        pid, metrics = slot.pid, slot.metrics()
        if pid is None:
            raise TimeoutError(f"The worker has ended: see {slot.log}")
        if metrics.get("nextclick_batch_records_sum", 0.0) > processed:
            processed, deadline = metrics["nextclick_batch_records_sum"], time.monotonic() + STALL_TIMEOUT_S
            watched = {name: metrics[f"watched_{name.replace(' ', '_')}"] for name in ALLOWED if _is_watched(name)}
            yield Sample(processed, process_values(pid) | watched)
        elif time.monotonic() > deadline:
            raise TimeoutError(
                f"The worker stands still after {processed:.0f} of {load.report.acknowledged} acknowledged clicks, "
                f"{load.report.sent} sent; /readyz answers {slot.page('/readyz')}: see {slot.log}"
            )


def _is_watched(name: str) -> bool:
    return name in ("tasks", "objects", "uncommitted offsets")


def _labelled(metrics: Mapping[str, float], name: str, label: str) -> dict[str, float]:
    prefix, suffix = f'{name}{{{label}="', '"}'
    return {
        series.removeprefix(prefix).removesuffix(suffix): value
        for series, value in metrics.items()
        if series.startswith(prefix)
    }


def print_report(report: SoakReport, console: Console) -> None:
    """Print what was processed and what grew."""
    table = Table("", "after the warm-up", "at the end", "most", "may grow by", title="Soak")
    for name, one in report.growth.items():
        table.add_row(name, f"{one.warm:.0f}", f"{one.end:.0f}", f"{one.most:.0f}", f"{ALLOWED[name]:.0f}")
    console.print(table)
    console.print(
        f"{report.clicks} clicks in {report.seconds:.0f} s: {dict(report.outcomes)}, {report.lists:.0f} lists"
    )
    console.print("Nothing grew." if report.holds else f"It does not hold; grown: {report.grew or 'nothing'}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak, print the report, return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak", description=__doc__)
    parser.add_argument("--clicks", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--rate", type=float, default=2_500.0, metavar="CLICKS", help="clicks a second")
    parser.add_argument("--bootstrap-servers", metavar="SERVERS", help="a broker; default: the embedded one")
    parser.add_argument("--sample-s", type=float, default=2.0, metavar="SECONDS", help="between two looks")
    parser.add_argument("--report", type=Path, metavar="FILE", help="where the figures go as JSON")
    given = parser.parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    folder = Path(tempfile.mkdtemp(prefix="nextclick-soak-"))
    with given_or_embedded(given.bootstrap_servers) as servers:
        report = soak(given.clicks, given.users, given.rate, servers, folder, given.sample_s)
    print_report(report, console)
    if given.report is not None:
        figures = {name: {"warm": one.warm, "end": one.end, "most": one.most} for name, one in report.growth.items()}
        text = json.dumps({"clicks": report.clicks, "seconds": report.seconds, "growth": figures}, indent=2)
        given.report.write_text(text + "\n", encoding="utf-8")
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.exit(main())
