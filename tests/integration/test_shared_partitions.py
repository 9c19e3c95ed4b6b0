"""Two workers share the partitions: one joins in the middle of a stream, the other stops before its end."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.conftest import FinishedRuns, Replay
from tests.integration.harness import Worker, lists_by_click, make_stream, running_worker, wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow]

# A quarter of the clicks takes some four seconds: a group of two forms meanwhile.
CLICKS_PER_SECOND = 75


def processed(worker: Worker) -> float:
    """Return how many records a worker has processed."""
    return sum(worker.clicks().values())


def test_no_click_is_lost_and_no_state_differs_when_partitions_move(
    broker: str, replay: Replay, finished_runs: FinishedRuns, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Every click has its list, and lists and states are byte for byte those of a single worker's run."""
    stream = make_stream(broker, replay.artifact.folder, f"shared-{uuid.uuid4().hex[:8]}")
    clicks = [
        {**row, "event_id": f"{replay.name}-{number}"}
        for number, row in enumerate(replay.clicks.drop("value").to_dicts())
    ]
    quarter = len(clicks) // 4
    first_log, second_log = (tmp_path_factory.mktemp(name) for name in ("first", "second"))
    with ThreadPoolExecutor() as pool, running_worker(stream, first_log) as first:
        stream.send(clicks[:quarter])
        first.wait_for_clicks(quarter)

        joining = pool.submit(stream.send, clicks[quarter : 2 * quarter], clicks_per_second=CLICKS_PER_SECOND)
        with running_worker(stream, second_log) as second:
            second.wait_until_ready()
            joining.result()
            alone, together = processed(first), processed(second)
            stream.send(clicks[2 * quarter : 3 * quarter])
            wait_until(lambda: processed(first) > alone and processed(second) > together)

            leaving = pool.submit(stream.send, clicks[3 * quarter :], clicks_per_second=CLICKS_PER_SECOND)
            assert first.stop() == 0
            leaving.result()
            wait_until(lambda: len(lists_by_click(stream)) == len(clicks))
            assert second.stop() == 0

    assert lists_by_click(stream) == finished_runs.per_click.lists
    assert stream.states() == finished_runs.per_click.states
