"""`python -m tests.chaos.watched_worker`: a worker that also tells how many tasks, objects and offsets it holds.

What grows without end in a process shows here long before it shows in its memory.
"""

import asyncio
import gc
import sys
from collections.abc import Callable, Mapping, Sequence

from faust.types import AppT
from prometheus_client import CollectorRegistry, Gauge

WATCHED_WORKER = (sys.executable, "-m", "tests.chaos.watched_worker")


def tasks() -> float:
    """Return how many tasks the event loop has; called on it, by the page of metrics."""
    return len(asyncio.all_tasks())


def objects() -> float:
    """Return how many objects the garbage collector follows."""
    return len(gc.get_objects())


def uncommitted_offsets(app: AppT) -> float:
    """Return how many offsets wait to be committed, ours and those that Faust keeps itself."""
    consumer = app.consumer
    kept: Sequence[Mapping[object, Sequence[object]]] = (consumer._acked, consumer._gap)  # type: ignore[attr-defined]
    faust = sum(len(offsets) for of_partition in kept for offsets in of_partition.values())
    return faust + len(consumer._unacked_messages) + len(consumer._progress._to_commit)  # type: ignore[attr-defined]


def watch(app: AppT, registry: CollectorRegistry) -> None:
    """Add the gauges to a worker's metrics."""
    gauges: Mapping[str, Callable[[], float]] = {
        "tasks": tasks,
        "objects": objects,
        "uncommitted_offsets": lambda: uncommitted_offsets(app),
    }
    for name, value in gauges.items():
        Gauge(f"watched_{name}", f"Watched from a test: {name}.", registry=registry).set_function(value)


def main() -> None:
    """Start `nextclick worker` with the gauges added."""
    from nextclick.__main__ import main as nextclick  # noqa: PLC0415 - Faust takes a second to import
    from workers import app as worker_app  # noqa: PLC0415

    create_app = worker_app.create_app

    def create_watched_app(*arguments: object) -> object:
        app = create_app(*arguments)  # type: ignore[arg-type]
        watch(app, app.metrics.registry)
        return app

    worker_app.create_app = create_watched_app  # type: ignore[assignment]
    sys.argv = ["nextclick", "worker"]
    nextclick()


if __name__ == "__main__":
    main()
