"""`python -m tests.chaos`: a run on a three-node Apache Kafka, repeatable by its seed; exit code 1 where it fails.

NEXTCLICK_TEST_KAFKA_CLUSTER names the script that starts the nodes.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tests.chaos.broken_workers import MISTAKES, command
from tests.chaos.click_source import counts_recipe, endless_clicks, logged_clicks
from tests.chaos.kafka_cluster import KafkaCluster
from tests.chaos.report import as_json, print_report
from tests.chaos.run import ChaosPlan, ChaosReport, run_chaos
from tests.chaos.schedule import make_schedule
from tests.chaos.worker_slots import NEXTCLICK_WORKER
from tests.factories import make_tiny_artifact

CLUSTER_VARIABLE = "NEXTCLICK_TEST_KAFKA_CLUSTER"
NODES, WORKERS, SESSION_TIMEOUT_S = 3, 3, 6
USERS = 500
LOGGED_CLICKS = 100_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print the report, return the exit code."""
    given = _parser().parse_args(arguments)
    script = os.environ.get(CLUSTER_VARIABLE)
    console = Console(highlight=False, soft_wrap=True)
    if not script:
        console.print(f"{CLUSTER_VARIABLE} names no cluster script: chaos needs three nodes that it may kill.")
        return 2
    seed = given.seed if given.seed is not None else time.time_ns() % 1_000_000
    console.print(f"seed {seed}: SEED={seed} DURATION={given.duration:.0f} does the same to the workers again")
    # Kept where the run fails: the logs say what the workers were doing.
    folder = Path(tempfile.mkdtemp(prefix="nextclick-chaos-"))
    report = chaos(seed, given, script, folder, console)
    print_report(report, console)
    if given.report is not None:
        written = {"seed": seed, "duration_s": given.duration, "clicks_per_second": given.rate, **as_json(report)}
        given.report.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    console.print(f"logs: {folder}")
    return 0 if report.holds else 1


def chaos(seed: int, given: argparse.Namespace, script: str, folder: Path, console: Console) -> ChaosReport:
    """Run a seed's schedule on a cluster of its own."""
    duration_s: float = given.duration
    log_name, log = logged_clicks(LOGGED_CLICKS)
    items = sorted({click.item_id for click in log})
    # A model of the log's items whose ring runs over; untrained, which changes nothing of what is proven here.
    artifact = make_tiny_artifact(
        folder / "artifact",
        item_ids=items,
        list_length=20,
        ring_length=10,
        seed=seed,
        counts=None if given.without_counts else counts_recipe(log),
    )
    plan = ChaosPlan(
        name=f"chaos-{seed}",
        artifact=artifact.folder,
        clicks=endless_clicks(log, seed=seed, users=USERS),
        clicks_per_second=given.rate,
        schedule=make_schedule(
            seed, duration_s=duration_s, workers=WORKERS, brokers=NODES, session_timeout_s=SESSION_TIMEOUT_S
        ),
        duration_s=duration_s,
        workers=WORKERS,
        session_timeout_s=SESSION_TIMEOUT_S,
        command=NEXTCLICK_WORKER if given.mistake is None else command(given.mistake),
    )
    console.print(f"{log_name} clicks of {USERS} users, {given.rate:.0f} a second, {len(plan.schedule)} faults")
    with KafkaCluster(script, folder / "kafka", nodes=NODES) as cluster:
        return run_chaos(plan, cluster, folder, lambda at_s, what: console.print(f"{at_s:7.1f} s  {what}"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--duration", type=float, default=600.0, metavar="SECONDS", help="how long clicks are sent")
    parser.add_argument("--seed", type=int, help="decides every fault and every click; default: the clock")
    parser.add_argument("--rate", type=float, default=100.0, metavar="CLICKS", help="clicks a second")
    parser.add_argument(
        "--without-counts", action="store_true", help="no live counts: the checker ranks every list itself"
    )
    parser.add_argument("--mistake", choices=sorted(MISTAKES), help="put one into the workers: it must be found")
    parser.add_argument("--report", type=Path, metavar="FILE", help="where the report goes as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
