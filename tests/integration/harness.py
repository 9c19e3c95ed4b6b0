"""Starts real workers, sends clicks, reads topics: what a test against a broker needs."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from kafka import KafkaProducer
from kafka.consumer.fetcher import ConsumerRecord

from nextclick.free_ports import free_port
from nextclick.topic_reading import TopicReader
from nextclick.topics import create_topics, planned_topics
from workers.events import OutgoingRecord
from workers.record_batches import RecordBatchWriter
from workers.record_sizes import DEAD_LETTER_BYTES
from workers.settings import Settings, load_settings
from workers.user_state import UserState, decode_state

NEXTCLICK_WORKER = (sys.executable, "-m", "nextclick", "worker")
FAUST_WORKER = (str(Path(sys.executable).with_name("faust")), "-A", "workers.app", "worker")
OUTCOMES = ("applied", "redelivered", "without_consent", "dead_letter")

READY_TIMEOUT_S = 40.0
STOP_TIMEOUT_S = 30.0
ARRIVAL_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Stream:
    """The topics of one test, made, and the settings that name them.

    Attributes:
        settings: As the worker will read them.
        environment: The environment that gives a process these settings.
    """

    settings: Settings
    environment: Mapping[str, str]

    def send(self, clicks: Iterable[Mapping[str, object]], *, clicks_per_second: float | None = None) -> None:
        """Send clicks, each keyed by its user, in their order, and wait for every acknowledgement."""
        producer = KafkaProducer(bootstrap_servers=self.settings.bootstrap_servers)
        futures = []
        for click in clicks:
            key, value = str(click["user_id"]).encode(), json.dumps(click).encode()
            futures.append(producer.send(self.settings.clicks_topic, key=key, value=value))
            if clicks_per_second is not None:
                time.sleep(1 / clicks_per_second)
        producer.flush()
        for future in futures:
            future.get(timeout=10)
        producer.close()

    def send_records(self, records: Sequence[OutgoingRecord]) -> None:
        """Send records as they are; unlike a client library's `send`, this takes one without key and value."""
        asyncio.run(self._send_records(records))

    async def _send_records(self, records: Sequence[OutgoingRecord]) -> None:
        writer = RecordBatchWriter(
            self.settings.bootstrap_servers,
            security=self.settings.kafka_security,
            batch_bytes=1 << 14,
            request_bytes=DEAD_LETTER_BYTES,
            request_timeout_ms=10_000,
            compression=None,
        )
        async with writer:
            await (await writer.send(records))

    def read(self, topic: str, count: int) -> list[ConsumerRecord]:
        """Return the topic's records from its beginning, once there are `count` of them or time is up."""
        records: list[ConsumerRecord] = []
        deadline = time.monotonic() + ARRIVAL_TIMEOUT_S
        with TopicReader(self.settings.bootstrap_servers, topic) as reader:
            reader.seek_to_beginning()
            while len(records) < count and time.monotonic() < deadline:
                records += reader.poll()
        return records

    def read_all(self, topic: str) -> list[ConsumerRecord]:
        """Return what the topic holds now."""
        with TopicReader(self.settings.bootstrap_servers, topic) as reader:
            return list(reader.read_to_end())

    def lists(self, count: int) -> list[ConsumerRecord]:
        """Return the recommendations, once there are `count` of them."""
        return self.read(self.settings.recommendations_topic, count)

    def lists_of(self, user_id: str, count: int) -> list[dict[str, Any]]:
        """Return the bodies of a user's lists, once there are `count` of them or time is up."""
        bodies: list[dict[str, Any]] = []
        deadline = time.monotonic() + ARRIVAL_TIMEOUT_S
        with TopicReader(self.settings.bootstrap_servers, self.settings.recommendations_topic) as reader:
            reader.seek_to_beginning()
            while len(bodies) < count and time.monotonic() < deadline:
                bodies += [json.loads(record.value) for record in reader.poll() if record.key == user_id.encode()]
        assert len(bodies) == count, f"{user_id} has {len(bodies)} lists, not {count}"
        return bodies

    def states(self) -> dict[str, bytes]:
        """Return each user's newest state record in the changelog."""
        return {record.key.decode(): record.value for record in self.read_all(self.settings.changelog_topic)}

    def decoded_states(self) -> dict[str, UserState]:
        """Return each user's newest state."""
        return {user_id: decode_state(record) for user_id, record in self.states().items()}


def make_stream(broker: str, artifact: Path, name: str, *, partitions: int = 4, **settings: object) -> Stream:
    """Make the topics of a test and the settings of its workers."""
    stream = plan_stream(broker, artifact, name, **settings)
    create_topics(broker, planned_topics(stream.settings), partitions=partitions, replication_factor=1)
    return stream


def plan_stream(broker: str, artifact: Path, name: str, **settings: object) -> Stream:
    """Make the settings of a test's workers, and no topics."""
    chosen = {
        "bootstrap_servers": broker,
        "artifact": artifact,
        "app_id": name,
        "clicks_topic": f"{name}-clicks",
        "recommendations_topic": f"{name}-recommendations",
        "dead_letter_topic": f"{name}-dead-letter",
        # A broker lets a group form only after half of it; and a killed worker's partitions are free only after it.
        "session_timeout_s": 6,
        "commit_interval_s": 0.2,
        **settings,
    }
    environment = {f"NEXTCLICK_{key.upper()}": _text(value) for key, value in chosen.items()}
    return Stream(load_settings(**chosen), environment)


class Worker:
    """A worker process.

    Args:
        stream: Its topics and settings.
        log: Where its log goes.
        command: What starts it.
        environment: Settings of this worker alone.
    """

    def __init__(self, stream: Stream, log: IO[bytes], command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.port = free_port()
        self._log = Path(log.name)
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **stream.environment, "NEXTCLICK_WEB_PORT": str(self.port), **environment},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def get(self, page: str) -> tuple[int, str]:
        """Return status and text of a page; status 0 where nothing listens yet."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{page}", timeout=5) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def wait_until_ready(self) -> list[tuple[int, str]]:
        """Wait for /readyz; return its different answers in their order, status and text, the last one ready's."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        answers: list[tuple[int, str]] = []
        while not answers or answers[-1][0] != 200:
            if self.process.poll() is not None:
                raise AssertionError(f"The worker ended with exit code {self.process.returncode}.")
            if time.monotonic() > deadline:
                raise AssertionError(f"The worker was not ready within {READY_TIMEOUT_S} s.")
            answer = self.get("/readyz")
            if answer not in answers[-1:]:
                answers.append(answer)
            time.sleep(0.05)
        return answers

    @property
    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text(encoding="utf-8")

    def metric(self, name: str, **labels: str) -> float:
        """Return a metric's value; 0 where it has none yet."""
        wanted = name + ("{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}" if labels else "")
        for line in self.get("/metrics")[1].splitlines():
            series, _, value = line.rpartition(" ")
            if series == wanted:
                return float(value)
        return 0.0

    def clicks(self) -> dict[str, float]:
        """Return how many records of the click topic it has processed, by outcome."""
        return {outcome: self.metric("nextclick_clicks_total", outcome=outcome) for outcome in OUTCOMES}

    def wait_for_clicks(self, count: int) -> None:
        """Wait until it has processed so many records of the click topic."""
        wait_until(lambda: sum(self.clicks().values()) >= count, ARRIVAL_TIMEOUT_S + READY_TIMEOUT_S)

    def wait_until_idle(self) -> None:
        """Wait until a second has passed without a record being processed."""
        processed, before = -1.0, -2.0
        while processed != before:
            time.sleep(1)
            processed, before = self.metric("nextclick_batch_records_sum"), processed

    def kill(self) -> None:
        """End it with signal 9: it can finish nothing."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_TIMEOUT_S)


@contextmanager
def running_worker(
    stream: Stream, folder: Path, *, command: Sequence[str] | None = None, **environment: str
) -> Iterator[Worker]:
    """Run a worker until the block ends; its log is shown where the block raises."""
    path = folder / "worker.log"
    with path.open("ab") as log:
        worker = Worker(stream, log, command or NEXTCLICK_WORKER, environment)
        try:
            yield worker
        except BaseException:
            print(path.read_text(encoding="utf-8"))  # noqa: T201 - pytest shows it with the failure
            raise
        finally:
            if worker.process.poll() is None:
                worker.process.kill()
                worker.process.wait()


def by_user(lists: Sequence[ConsumerRecord]) -> dict[str, list[dict[str, object]]]:
    """Return the bodies of lists by user, in their order."""
    bodies: dict[str, list[dict[str, object]]] = defaultdict(list)
    for record in lists:
        body = json.loads(record.value)
        bodies[body["user_id"]].append(body)
    return dict(bodies)


def lists_by_click(stream: Stream) -> dict[tuple[int, int], dict[str, Any]]:
    """Return each list's body by its click; of a click that was delivered twice, both must be the same."""
    lists: dict[tuple[int, int], dict[str, Any]] = {}
    for record in stream.read_all(stream.settings.recommendations_topic):
        body = json.loads(record.value)
        source = body["source"]
        assert source.pop("topic") == stream.settings.clicks_topic
        assert source["partition"] == record.partition
        assert lists.setdefault((source["partition"], source["offset"]), body) == body
    return lists


def wait_until(condition: Callable[[], bool], timeout_s: float = ARRIVAL_TIMEOUT_S) -> None:
    """Wait for something that takes its time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen within {timeout_s} s"
        time.sleep(0.05)


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{key}={item}" for key, item in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)
