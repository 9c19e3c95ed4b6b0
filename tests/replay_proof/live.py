"""Real workers beside production: what they publish, and what they count."""

import hashlib
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from models.errors import NextclickError
from nextclick.shadow import shadow_settings
from nextclick.topic_reading import TopicReader
from nextclick.worker_process import WorkerProcess
from workers.settings import Settings

# Far below what a worker does on two busy cores.
SLOWEST_CLICKS_PER_S = 500
POLL_S = 0.2
PREQUENTIAL = "nextclick_prequential_"
# By counter and labels.
Counts = dict[tuple[str, ...], float]


def run_shadow(
    prefix: str, *, workers: int, clicks: int, artifact: Path, clicks_topic: str, broker: str, folder: Path
) -> Counts:
    """Let so many workers of a shadow take all the clicks of a topic; return what they counted between them."""
    settings = shadow_settings(prefix, artifact=artifact, clicks_topic=clicks_topic, bootstrap_servers=broker)
    with ExitStack() as stack:
        processes = [
            stack.enter_context(WorkerProcess(settings, folder / f"{prefix}-{number}.log")) for number in range(workers)
        ]
        for process in processes:
            process.wait_until_ready()
        deadline = time.monotonic() + 60 + clicks / SLOWEST_CLICKS_PER_S
        while (done := sum(_clicks_of(process) for process in processes)) < clicks:
            if time.monotonic() > deadline:
                raise NextclickError(f"The workers processed {done:,.0f} of {clicks:,} clicks: see {folder}.")
            time.sleep(POLL_S)
        return _added(map(_prequential, processes))


def lists_digest(prefix: str, broker: str) -> str:
    """Return a digest of a shadow's lists: each partition's in their order, whatever their partitions' order is."""
    by_partition: dict[int, hashlib._Hash] = {}
    with TopicReader(broker, _settings(prefix, broker).recommendations_topic) as reader:
        end = dict(reader.seek_to_end())
        reader.seek_to_beginning()
        while any(end.values()):
            for record in reader.poll():
                end[record.partition] -= 1
                hashed = by_partition.setdefault(record.partition, hashlib.sha256())
                hashed.update(record.value + b"\n")
    return _joined(by_partition)


def file_digest(lists: Path) -> str:
    """Return the same digest of the lists that `nextclick simulate --out FILE.jsonl` wrote."""
    by_partition: dict[int, hashlib._Hash] = {}
    with lists.open("rb") as file:
        for line in file:
            partition = int(line.partition(b'"partition":')[2].partition(b",")[0])
            by_partition.setdefault(partition, hashlib.sha256()).update(line)
    return _joined(by_partition)


def _joined(by_partition: dict[int, "hashlib._Hash"]) -> str:
    return hashlib.sha256(b"".join(by_partition[number].digest() for number in sorted(by_partition))).hexdigest()


def _added(counts: Iterable[Counts]) -> Counts:
    added: Counts = {}
    for one in counts:
        for name, value in one.items():
            added[name] = added.get(name, 0.0) + value
    return added


def _settings(prefix: str, broker: str) -> Settings:
    return shadow_settings(prefix, bootstrap_servers=broker)


def _clicks_of(process: WorkerProcess) -> float:
    return sum(_counters(process, "nextclick_clicks").values())


def _prequential(process: WorkerProcess) -> Counts:
    return _counters(process, PREQUENTIAL)


def _counters(process: WorkerProcess, prefix: str) -> Counts:
    counts: Counts = {}
    for family in text_string_to_metric_families(process.page("/metrics") or ""):
        if family.name.startswith(prefix) and family.type == "counter":
            for sample in family.samples:
                counts[family.name, *(sample.labels[name] for name in sorted(sample.labels))] = sample.value
    return counts
