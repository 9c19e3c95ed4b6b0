"""The two replays, at a pace to follow and as fast as it goes: no click may be left without its list."""

import time
from array import array
from collections.abc import Callable

import polars as pl

from models.errors import BrokerError
from nextclick.demo.list_reading import ListReading
from nextclick.demo.progress import ReplayProgress, View
from nextclick.demo.scoreboard import Scoreboard
from nextclick.published_lists import PublishedList
from nextclick.record_sending import ReplayReport
from nextclick.replaying import replay_clicks
from nextclick.worker_process import WorkerProcess
from workers.settings import Settings

BURST = "burst"


def replay_at_pace(
    clicks: pl.DataFrame,
    due_s: list[float],
    *,
    dataset: str,
    settings: Settings,
    worker: WorkerProcess,
    scoreboard: Scoreboard,
    progress: ReplayProgress,
    view: View,
) -> int:
    """Send each click when it is due and score its list; return how many lists were published again.

    Args:
        clicks: In order of time.
        due_s: When each is due, in seconds after the first one.
        dataset: Begins the event ids.
        settings: They name the broker and the topics.
        worker: Must go on running.
        scoreboard: Told of every list.
        progress: Told of every click.
        view: Asked to show both.

    Raises:
        BrokerError: If a click is not acknowledged or has no list.
        NextclickError: If the worker ends.
    """
    item_ids = clicks["item_id"].to_list()
    sent_s = array("d", bytes(8 * len(clicks)))

    def on_send(number: int) -> None:
        sent_s[number] = time.perf_counter()

    def on_list(number: int, published: PublishedList, read_s: float) -> None:
        scoreboard.add(item_ids[number], published, sent_s=sent_s[number], read_s=read_s)

    with ListReading(settings, dataset, on_list) as reading:

        def check() -> None:
            worker.require_running()
            view.show()

        report = replay_clicks(
            clicks,
            dataset=dataset,
            bootstrap_servers=settings.bootstrap_servers,
            topic=settings.clicks_topic,
            security=settings.kafka_security,
            due_s=due_s,
            on_progress=_on_progress(progress, reading, check),
            on_send=on_send,
        )
        _require_acknowledged(report)
        reading.wait_for(len(clicks), check)
    return reading.published_again


def replay_in_a_burst(
    clicks: pl.DataFrame,
    *,
    settings: Settings,
    worker: WorkerProcess,
    scoreboard: Scoreboard,
    progress: ReplayProgress,
) -> float:
    """Send the clicks again as fast as the broker takes them, under new user ids; return the lists a second.

    The time is from the first click's sending to the last list's reading.

    Raises:
        BrokerError: If a click is not acknowledged or has no list.
        NextclickError: If the worker ends.
    """
    again = clicks.with_columns(pl.col("user_id", "session_id").str.replace("^", f"{BURST}-"))
    began_s = time.perf_counter()

    def on_list(_number: int, _published: PublishedList, read_s: float) -> None:
        scoreboard.add_unscored(read_s)

    with ListReading(settings, BURST, on_list) as reading:

        def on_send(number: int) -> None:
            nonlocal began_s
            if number == 0:
                began_s = time.perf_counter()

        report = replay_clicks(
            again,
            dataset=BURST,
            bootstrap_servers=settings.bootstrap_servers,
            topic=settings.clicks_topic,
            security=settings.kafka_security,
            on_progress=_on_progress(progress, reading, worker.require_running),
            on_send=on_send,
        )
        _require_acknowledged(report)
        reading.wait_for(len(again), worker.require_running)
    return len(again) / (reading.newest_s - began_s)


def _on_progress(
    progress: ReplayProgress, reading: ListReading, check: Callable[[], None]
) -> Callable[[int, int], None]:
    """Return what notes the progress, and ends the replay where nothing can come of it any more."""

    def note(sent: int, total: int) -> None:
        progress.sent, progress.total = sent, total
        reading.check()
        check()

    return note


def _require_acknowledged(report: ReplayReport) -> None:
    if report.failed or report.stopped:
        raise BrokerError(
            f"{report.sent - report.acknowledged:,} of {report.sent:,} clicks were not acknowledged: "
            f"{report.first_failure}."
        )
