"""A worker that writes down what it gives to onnxruntime.

It is not measured. What it wrote is run again without the worker around it: the limit that the worker is held against.
"""

import os
import runpy
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import onnxruntime

from benchmarks.recordings import Feed, Recording, graph_of

# Where the recording goes, how many ranked lists to let pass before it begins, and how many to record.
PATH, SKIPPED, RECORDED = "BENCH_RECORDING", "BENCH_SKIPPED_LISTS", "BENCH_RECORDED_LISTS"

_Run = Callable[..., Sequence[object]]


class Recorder:
    """Stands between the worker and `InferenceSession.run`.

    Args:
        run: The real one.
        path: Where the recording goes once it is complete.
        skipped: Lists that are ranked before it begins: the model is warm and batches are full by then.
        recorded: Lists that it holds.
    """

    def __init__(self, run: _Run, path: Path, *, skipped: int, recorded: int) -> None:
        self._onnxruntime_run = run
        self._path = path
        self._skipped = skipped
        self._recorded = recorded
        self._ranked = 0
        self._recording = Recording()

    def run(
        self,
        session: onnxruntime.InferenceSession,
        output_names: Sequence[str] | None,
        input_feed: Feed,
        run_options: object = None,
    ) -> Sequence[object]:
        """Note a run, and run it."""
        graph = graph_of(session)
        if self._skipped <= self._ranked < self._skipped + self._recorded:
            self._recording.add(graph, input_feed)
        outputs = self._onnxruntime_run(session, output_names, input_feed, run_options)
        if graph == "rank":
            before, self._ranked = self._ranked, self._ranked + len(input_feed["exclude_index"])
            if before < self._skipped + self._recorded <= self._ranked:
                self._recording.save(self._path)
        return outputs


def main() -> None:
    """Be a worker, with the recorder in place."""
    session = onnxruntime.InferenceSession
    recorder = Recorder(
        session.run,
        Path(os.environ[PATH]),
        skipped=int(os.environ[SKIPPED]),
        recorded=int(os.environ[RECORDED]),
    )

    # A function, so that it becomes a method.
    def run(
        self: onnxruntime.InferenceSession,
        output_names: Sequence[str] | None,
        input_feed: Feed,
        run_options: object = None,
    ) -> Sequence[object]:
        return recorder.run(self, output_names, input_feed, run_options)

    session.run = run
    sys.argv = ["nextclick", "worker"]
    runpy.run_module("nextclick", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
