"""One chaos run: topics, workers and clicks, a schedule of faults, and what the checker says afterwards."""

import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from nextclick.topics import create_topics, planned_topics
from tests.chaos.checker.check import check
from tests.chaos.checker.check_states import LateWrites
from tests.chaos.checker.model import CheckedModel
from tests.chaos.checker.records import Observed, observe
from tests.chaos.checker.verdict import Verdict
from tests.chaos.click_load import ClickLoad, LoadReport, OutgoingClick
from tests.chaos.harm import Harm
from tests.chaos.kafka_cluster import KafkaCluster
from tests.chaos.schedule import Fault, Step
from tests.chaos.settling import wait_until_processed
from tests.chaos.worker_slots import NEXTCLICK_WORKER, WorkerSlot
from tests.integration.harness import Stream, plan_stream
from workers.settings import Settings

PARTITIONS = 8
# Small, so that a crash falls into the middle of things, and so that what one zombie can write is little.
BATCH_RECORDS = 64
SETTLE_TIMEOUT_S = 90.0
# SIGTERM ends a worker whose interpreter has not come to its first line yet, as it ends any process.
STOPPED_IN_ORDER = frozenset({0, -signal.SIGTERM})


@dataclass(frozen=True)
class ChaosPlan:
    """What a run is made of.

    Attributes:
        name: Prefix of its topics and its consumer group.
        artifact: The model that is served.
        clicks: What is sent.
        clicks_per_second: How fast.
        schedule: The faults.
        duration_s: How long clicks are sent.
        workers: Steady workers.
        session_timeout_s: After which a silent worker loses its partitions.
        partitions: Of every topic.
        command: What starts a worker.
    """

    name: str
    artifact: Path
    clicks: Iterator[OutgoingClick]
    clicks_per_second: float
    schedule: Sequence[Step]
    duration_s: float
    workers: int = 3
    session_timeout_s: int = 6
    partitions: int = PARTITIONS
    command: Sequence[str] = NEXTCLICK_WORKER


@dataclass
class ChaosReport:
    """What a run did and what came of it.

    Attributes:
        faults: How often each was done.
        faults_left_out: How many were not, because the one before them at the same place was not undone yet.
        load: What became of the clicks that were sent.
        exit_codes: Of workers that ended by themselves.
        stop_codes: Of workers that were asked to end.
        unprocessed: Clicks that nobody had processed when time was up, by partition.
        woke_ms: When workers woke up that had slept through their session.
        stale_states_allowed: How many state records may come after a newer one, each shortly after such a moment.
        verdict: What the checker says.
    """

    faults: Counter[Fault] = field(default_factory=Counter)
    faults_left_out: int = 0
    load: LoadReport = field(default_factory=LoadReport)
    exit_codes: Counter[int] = field(default_factory=Counter)
    stop_codes: Counter[int] = field(default_factory=Counter)
    unprocessed: dict[int, int] = field(default_factory=dict)
    woke_ms: Sequence[int] = ()
    stale_states_allowed: int = 0
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def holds(self) -> bool:
        """Whether every click is processed, and everything is as it should be."""
        return self.verdict.holds and not self.unprocessed and set(self.stop_codes) <= STOPPED_IN_ORDER


def run_chaos(
    plan: ChaosPlan, brokers: str | KafkaCluster, folder: Path, say: Callable[[float, str], None]
) -> ChaosReport:
    """Carry a plan out; whatever it started has ended when it returns or raises.

    Args:
        plan: What to do.
        brokers: Bootstrap servers, or a cluster whose nodes may be broken as well.
        folder: Where the workers' logs and state folders go.
        say: Told what happens, with the seconds since the start.
    """
    cluster = brokers if isinstance(brokers, KafkaCluster) else None
    servers = brokers.bootstrap_servers if isinstance(brokers, KafkaCluster) else brokers
    stream = make_topics(plan, servers, replicas=1 if cluster is None else min(3, cluster.nodes))
    report = ChaosReport()
    with ExitStack() as stack:
        slots = make_slots(plan, stream, folder)
        for slot in slots:
            stack.callback(slot.close)
        _break(plan, stream, slots, cluster, report, say)
        for slot in slots:
            slot.term()
            report.exit_codes.update(slot.exit_codes)
            report.stop_codes.update(slot.stop_codes)
    late_writes = late_writes_of(report.woke_ms, stream.settings)
    report.stale_states_allowed = late_writes.most
    report.verdict = check(observed_topics(stream), CheckedModel(plan.artifact), late_writes=late_writes)
    return report


def late_writes_of(woke_ms: Sequence[int], settings: Settings) -> LateWrites:
    """Return what workers that woke up too late can have written: what their clients had taken before they slept.

    That is every micro-batch in flight, each of a state a record at most, and a micro-batch that is not full takes one
    more fetch of `max_batch_records`. The client goes on with it until the group refuses its next heartbeat.
    """
    states = settings.batches_in_flight * (2 * settings.max_batch_records - 1)
    return LateWrites(woke_ms, for_ms=2 * settings.session_timeout_s * 1000, states=states)


def observed_topics(stream: Stream) -> Observed:
    """Read the topics of a run."""
    settings = stream.settings
    return observe(
        settings.bootstrap_servers,
        clicks=settings.clicks_topic,
        lists=settings.recommendations_topic,
        dead_letters=settings.dead_letter_topic,
        states=settings.changelog_topic,
        counts=settings.counts_topic,
    )


def make_topics(plan: ChaosPlan, servers: str, *, replicas: int) -> Stream:
    """Make the topics; their records carry the broker's time, which no worker can get wrong."""
    stream = plan_stream(
        servers,
        plan.artifact,
        plan.name,
        session_timeout_s=plan.session_timeout_s,
        max_batch_records=BATCH_RECORDS,
        commit_interval_s=0.5,
    )
    topics = [
        replace(topic, configs={**topic.configs, "message.timestamp.type": "LogAppendTime"})
        for topic in planned_topics(stream.settings)
    ]
    create_topics(servers, topics, partitions=plan.partitions, replication_factor=replicas)
    return stream


def make_slots(plan: ChaosPlan, stream: Stream, folder: Path) -> list[WorkerSlot]:
    """Return a place for each steady worker and one for the worker that joins; every other one stores in RocksDB."""
    slots = []
    for number in range(plan.workers + 1):
        store = {"NEXTCLICK_STORE": "rocksdb" if number % 2 else "memory"}
        slots.append(WorkerSlot(f"worker-{number + 1}", {**stream.environment, **store}, folder, plan.command))
    return slots


def _break(
    plan: ChaosPlan,
    stream: Stream,
    slots: Sequence[WorkerSlot],
    cluster: KafkaCluster | None,
    report: ChaosReport,
    say: Callable[[float, str], None],
) -> None:
    """Have workers at work while clicks come in and faults happen, until every click is processed."""
    settings = stream.settings
    steady = slots[: plan.workers]

    def tend() -> None:
        for slot in steady:
            code = slot.tend()
            if code is not None:
                say(harm.now_s, f"{slot.name} ended by itself, exit code {code}: it is started again")

    for slot in steady:
        slot.start()
    for slot in steady:
        slot.wait_until_ready()
    harm = Harm(slots, cluster, say)
    load = ClickLoad(settings.bootstrap_servers, settings.clicks_topic, plan.clicks, plan.clicks_per_second)
    load.start()
    try:
        harm.carry_out(plan.schedule, plan.duration_s, tend)
    finally:
        report.load = load.stop()
        report.faults = harm.done
        report.faults_left_out = harm.left_out
        report.woke_ms = harm.woke_ms
    say(harm.now_s, f"{report.load.acknowledged} clicks are in; waiting until they are processed")
    report.unprocessed = wait_until_processed(
        settings.bootstrap_servers,
        settings.app_id,
        settings.clicks_topic,
        report.load.ends,
        timeout_s=SETTLE_TIMEOUT_S,
        meanwhile=tend,
    )
