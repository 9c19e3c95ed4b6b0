"""Steady clicks: each has its time from the start, whatever the broker does, and each acknowledgement is counted."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from threading import Event, Lock, Thread

from kafka.errors import KafkaError

from nextclick.replaying import click_producer


@dataclass(frozen=True)
class OutgoingClick:
    """A record for the click topic."""

    key: bytes
    value: bytes


def encode_click(fields: Mapping[str, object]) -> OutgoingClick:
    """Return a click keyed by its user."""
    return OutgoingClick(str(fields["user_id"]).encode(), json.dumps(fields).encode())


@dataclass
class LoadReport:
    """What became of the clicks; sent = acknowledged + failed once it has ended.

    Attributes:
        sent: Handed to the producer.
        acknowledged: On every in-sync replica.
        failed: Not acknowledged in time; the topic may hold them all the same.
        ends: The offset behind the newest acknowledged click, by partition.
        most_behind_s: How far the load fell behind its schedule at worst.
    """

    sent: int = 0
    acknowledged: int = 0
    failed: int = 0
    ends: dict[int, int] = field(default_factory=dict)
    most_behind_s: float = 0.0


class ClickLoad:
    """Sends clicks at a rate, in a thread of its own, until it is stopped or they end.

    Args:
        bootstrap_servers: The brokers.
        topic: The click topic.
        clicks: What is sent.
        clicks_per_second: The rate.
    """

    def __init__(
        self, bootstrap_servers: str, topic: str, clicks: Iterator[OutgoingClick], clicks_per_second: float
    ) -> None:
        self.report = LoadReport()
        self._producer = click_producer(bootstrap_servers)
        self._topic = topic
        self._clicks = clicks
        self._clicks_per_second = clicks_per_second
        self._stop = Event()
        self._lock = Lock()
        self._thread = Thread(target=self._run, name="click-load", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> LoadReport:
        """Send no more, wait for every acknowledgement, return what became of the clicks."""
        self._stop.set()
        self._thread.join()
        return self.report

    def wait(self) -> LoadReport:
        """Wait until every click is sent and answered for."""
        self._thread.join()
        return self.report

    def _run(self) -> None:
        started_s = time.monotonic()
        for number, click in enumerate(self._clicks):
            wait_s = started_s + number / self._clicks_per_second - time.monotonic()
            self.report.most_behind_s = max(self.report.most_behind_s, -wait_s)
            if self._stop.wait(wait_s) if wait_s > 0 else self._stop.is_set():
                break
            self._send(click)
        self._producer.flush()
        self._producer.close()

    def _send(self, click: OutgoingClick) -> None:
        self.report.sent += 1
        try:
            future = self._producer.send(self._topic, key=click.key, value=click.value)
        except KafkaError:
            self._count_failure(None)
        else:
            future.add_callback(self._count_acknowledgement)
            future.add_errback(self._count_failure)

    def _count_acknowledgement(self, metadata: object) -> None:
        partition, offset = (int(getattr(metadata, name)) for name in ("partition", "offset"))
        with self._lock:
            self.report.acknowledged += 1
            self.report.ends[partition] = max(offset + 1, self.report.ends.get(partition, 0))

    def _count_failure(self, _error: object) -> None:
        with self._lock:
            self.report.failed += 1
