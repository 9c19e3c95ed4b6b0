"""`python -m tests.chaos.outage`: a broker that is away for a minute under load, and a worker that nobody helps.

What does the worker say meanwhile, and what does it make up for afterwards?
NEXTCLICK_TEST_KAFKA_CLUSTER names the script that starts the node.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.chaos.checker.check import check
from tests.chaos.checker.model import CheckedModel
from tests.chaos.click_load import ClickLoad
from tests.chaos.click_source import endless_clicks, made_clicks
from tests.chaos.kafka_cluster import KafkaCluster
from tests.chaos.run import ChaosPlan, make_slots, make_topics, observed_topics
from tests.chaos.settling import wait_until_processed
from tests.chaos.worker_slots import WorkerSlot
from tests.factories import make_tiny_artifact

OUTAGE_S = 60.0
BEFORE_S, AFTER_S = 5.0, 10.0
CLICKS_PER_SECOND = 40.0
READY = 200
SETTLE_TIMEOUT_S = 90.0
LOOK_S = 0.5


@dataclass
class OutageReport:
    """What was seen of one worker.

    Attributes:
        not_ready_after_s: When /readyz first did not answer 200, after the broker went; None: it did all the time.
        statuses: What /readyz said while the broker was away, each status once; 0: it did not answer.
        exit_code: How the worker ended by itself; None: it did not.
        processed_after_s: When every click was processed, after the broker came back; None: never.
        violations: What the checker found, by kind.
    """

    not_ready_after_s: float | None = None
    statuses: list[int] = field(default_factory=list)
    exit_code: int | None = None
    processed_after_s: float | None = None
    violations: dict[str, int] = field(default_factory=dict)


def run_outage(
    plan: ChaosPlan,
    cluster: KafkaCluster,
    folder: Path,
    *,
    take_away: Callable[[], None],
    bring_back: Callable[[], None],
    outage_s: float,
) -> OutageReport:
    """Take the one broker away while clicks come in; nobody helps the worker.

    Args:
        plan: Topics, model and clicks; its schedule is left alone.
        cluster: One node.
        folder: Where the worker's log goes.
        take_away: Takes the node away.
        bring_back: Brings it back.
        outage_s: For how long.
    """
    report = OutageReport()
    stream = make_topics(plan, cluster.bootstrap_servers, replicas=1)
    settings = stream.settings
    with ExitStack() as stack:
        slot = make_slots(plan, stream, folder)[0]
        stack.callback(slot.close)
        slot.start()
        slot.wait_until_ready()
        load = ClickLoad(cluster.bootstrap_servers, settings.clicks_topic, plan.clicks, plan.clicks_per_second)
        load.start()
        time.sleep(BEFORE_S)
        take_away()
        _watch(slot, outage_s, report)
        bring_back()
        back_s = time.monotonic()
        time.sleep(AFTER_S)
        ends = load.stop().ends
        left = wait_until_processed(
            cluster.bootstrap_servers,
            settings.app_id,
            settings.clicks_topic,
            ends,
            timeout_s=SETTLE_TIMEOUT_S if slot.pid is not None else 0.0,
            meanwhile=lambda: None,
        )
        report.processed_after_s = None if left else time.monotonic() - back_s
        report.exit_code = slot.exit_code
    verdict = check(observed_topics(stream), CheckedModel(plan.artifact))
    report.violations = {kind: len(details) for kind, details in verdict.violations.items()}
    return report


def _watch(slot: WorkerSlot, outage_s: float, report: OutageReport) -> None:
    """Ask the worker whether it is ready, as an orchestrator does."""
    went_s = time.monotonic()
    while time.monotonic() - went_s < outage_s:
        status, _ = slot.page("/readyz")
        if status not in report.statuses:
            report.statuses.append(status)
        if status != READY and report.not_ready_after_s is None:
            report.not_ready_after_s = time.monotonic() - went_s
        time.sleep(LOOK_S)


def main(arguments: Sequence[str] | None = None) -> int:
    """Take a broker away, print what was seen; exit code 1 where the worker did not outlive it."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.outage", description=__doc__)
    parser.add_argument("--how", choices=("hangs", "dies"), default="dies", help="SIGSTOP, or kill -9 and a restart")
    parser.add_argument("--seconds", type=float, default=OUTAGE_S, help="how long the broker is away")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="nextclick-outage-"))
    clicks = made_clicks(10_000)
    items = sorted({click.item_id for click in clicks})
    plan = ChaosPlan(
        name=f"outage-{given.how}",
        artifact=make_tiny_artifact(folder / "artifact", item_ids=items).folder,
        clicks=endless_clicks(clicks, seed=1, users=100),
        clicks_per_second=CLICKS_PER_SECOND,
        schedule=(),
        duration_s=given.seconds,
        workers=1,
    )
    with KafkaCluster(os.environ["NEXTCLICK_TEST_KAFKA_CLUSTER"], folder / "kafka", nodes=1) as cluster:
        hangs = given.how == "hangs"
        report = run_outage(
            plan,
            cluster,
            folder,
            take_away=lambda: cluster.pause(0) if hangs else cluster.kill(0),
            bring_back=lambda: cluster.resume(0) if hangs else cluster.restart(0),
            outage_s=given.seconds,
        )
    sys.stdout.write(json.dumps(asdict(report)) + "\n")
    return 0 if report.processed_after_s is not None and not report.violations else 1


if __name__ == "__main__":
    sys.exit(main())
