"""SIGTERM at any moment between a worker's first import and its first click: exit code 0, soon, and no trace."""

from collections.abc import Callable
from pathlib import Path

import pytest

from export.artifact import Artifact
from tests.integration.harness import STOP_TIMEOUT_S, make_stream, running_worker
from tests.integration.stopped_worker import command

pytestmark = [pytest.mark.broker, pytest.mark.slow]

# What Python is about to do, and the so-many-th time.
MOMENTS = [
    ("import", "typer", 1),
    ("import", "faust", 1),
    ("import", "onnxruntime", 1),
    ("open", "manifest.json", 1),
    ("open", "rank.onnx", 1),
    # The check of the topics, the writers, the changelog's reader, the consumer, its group.
    *(("socket.connect", "127.0.0.1", times) for times in range(1, 14, 3)),
    # The web port, first to see that it is free.
    ("socket.bind", "127.0.0.1", 1),
    ("socket.bind", "127.0.0.1", 2),
]


@pytest.mark.parametrize(("event", "text", "times"), MOMENTS)
def test_a_worker_that_is_stopped_while_it_starts_ends_in_order(
    broker: str,
    tiny_artifact: Artifact,
    unique_name: Callable[[str], str],
    tmp_path: Path,
    event: str,
    text: str,
    times: int,
) -> None:
    stream = make_stream(broker, tiny_artifact.folder, unique_name("stopped"), partitions=2)
    with running_worker(stream, tmp_path, command=command(event, text, times)) as worker:
        code = worker.process.wait(timeout=STOP_TIMEOUT_S)
        assert "SIGTERM is sent" in worker.log
        assert code == 0
        assert "Traceback" not in worker.log
