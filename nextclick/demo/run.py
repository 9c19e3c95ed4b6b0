"""The demo as a straight line.

1. Build the model, or reuse what a run before has left.
2. Start the embedded broker, or take the user's.
3. Create topics of this run's own.
4. Start a worker, as a process of its own.
5. Replay the clicks that were held out, at a pace that a person can follow; score each list by the click after it.
6. Replay them again, as new users, as fast as it goes.
7. Hold what was seen from outside against what the worker has counted.
8. Sum up.

Whatever ends it on the way, its `with` blocks end what was started.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from rich.console import Console

from export.artifact import Artifact
from export.catalogue import Catalogue
from models.errors import NextclickError
from nextclick.demo.building import build_model
from nextclick.demo.latencies import LatencyReport
from nextclick.demo.live_view import LiveView
from nextclick.demo.pace import due_times
from nextclick.demo.plain_view import PlainView
from nextclick.demo.progress import ReplayProgress
from nextclick.demo.replaying import replay_at_pace, replay_in_a_burst
from nextclick.demo.scoreboard import Figures, Scoreboard
from nextclick.demo.steps import Steps
from nextclick.demo.summary import DemoSummary
from nextclick.demo.surroundings import require_a_broker, settings_for_this_run, topics_of_this_run
from nextclick.demo.worker_metrics import require_agreement
from nextclick.embedded_broker import given_or_embedded
from nextclick.worker_process import WorkerProcess
from workers.settings import Settings

LOG_FILE = "worker.log"
INTRODUCTION = "[bold]nextclick demo[/]  real clicks → LSTM → ONNX → Faust worker on Kafka → fresh lists\n"


@dataclass(frozen=True)
class DemoOptions:
    """What the demo was asked for.

    Attributes:
        work: Where everything goes that it makes.
        data_folder: A folder that may have the data set already.
        bootstrap_servers: A broker of the user's; None: the embedded one.
        rate: Clicks a second, after a slow beginning where somebody watches.
        limit: Replay the first so many clicks only.
        epochs: Instead of the configuration's.
    """

    work: Path
    data_folder: Path | None
    bootstrap_servers: str | None
    rate: float
    limit: int | None
    epochs: int | None


def run_demo(options: DemoOptions, console: Console) -> DemoSummary:
    """Run the demo and return what it did.

    Raises:
        NextclickError: If a step fails, a click is left without its list, or the worker counts otherwise.
    """
    began_s = time.monotonic()
    console.print(INTRODUCTION, highlight=False)
    require_a_broker(options.bootstrap_servers)
    steps = Steps(console)
    built = build_model(options.work, options.data_folder, epochs=options.epochs, steps=steps)
    clicks = built.data.test if options.limit is None else built.data.test.head(options.limit)
    is_embedded = options.bootstrap_servers is None
    log = options.work / LOG_FILE
    with given_or_embedded(options.bootstrap_servers) as address:
        settings = settings_for_this_run(built.artifact.folder, address, is_embedded=is_embedded)
        with (
            topics_of_this_run(settings, is_embedded=is_embedded, console=console),
            WorkerProcess(settings, log) as worker,
        ):
            with steps.step("worker", "Starting a worker") as step:
                worker.wait_until_ready()
                step.done(f"a Faust process on the broker at {address}, its log is {log}")
            seen = _replay(clicks, built.artifact, settings, worker, console, rate=options.rate)
            require_agreement(lambda: worker.page("/metrics"), clicks=2 * len(clicks))
    return DemoSummary(
        dataset=built.data.description.name,
        artifact=str(built.artifact.folder),
        broker="embedded" if is_embedded else address,
        model_id=built.artifact.manifest.model_id,
        reused=tuple(steps.reused),
        clicks=len(clicks),
        users=clicks["user_id"].n_unique(),
        predictions=seen.figures.predictions,
        model=seen.figures.model,
        popularity=seen.figures.popularity,
        latency=seen.latency,
        rate=options.rate,
        burst_clicks=len(clicks),
        lists_per_second=seen.lists_per_second,
        published_again=seen.published_again,
        worker_log=str(log),
        seconds=time.monotonic() - began_s,
    )


@dataclass(frozen=True)
class _Seen:
    figures: Figures
    latency: LatencyReport
    lists_per_second: float
    published_again: int


def _replay(
    clicks: pl.DataFrame,
    artifact: Artifact,
    settings: Settings,
    worker: WorkerProcess,
    console: Console,
    *,
    rate: float,
) -> _Seen:
    """Play the clicks twice, at a pace and as fast as it goes, and show it."""
    scoreboard, progress = Scoreboard(artifact), ReplayProgress(total=len(clicks))
    is_watched = console.is_terminal and not console.is_dumb_terminal
    view = (
        LiveView(console, scoreboard, Catalogue(artifact.items), progress)
        if is_watched
        else PlainView(console, scoreboard, progress)
    )
    with view:
        progress.title = "real clicks go through Kafka, each gets its list"
        published_again = replay_at_pace(
            clicks,
            due_times(len(clicks), rate, slow_start=is_watched),
            dataset=artifact.manifest.training_data.dataset,
            settings=settings,
            worker=worker,
            scoreboard=scoreboard,
            progress=progress,
            view=view,
        )
        figures, latency = scoreboard.figures(time.perf_counter()), scoreboard.latency()
        progress.title = "the same clicks again, by new users, as fast as it goes"
        lists_per_second = replay_in_a_burst(
            clicks, settings=settings, worker=worker, scoreboard=scoreboard, progress=progress
        )
    if latency is None:
        raise NextclickError("There was no click to replay: raise --limit.")
    return _Seen(figures, latency, lists_per_second, published_again)
