"""Runs a recording through onnxruntime and nothing else; arguments: artifact, recording, seconds.

It prints microseconds a row of each graph, as JSON. The sessions are opened as the worker opens them.
"""

import json
import sys
import time
from collections import defaultdict
from pathlib import Path

import onnxruntime

from benchmarks.recordings import Recording, graph_of
from export.artifact import load_artifact
from export.runtime import ModelRuntime
from models.errors import NextclickError


def replay(artifact: Path, recording: Recording, seconds: float) -> dict[str, float]:
    """Run the recording again and again for about so long; return microseconds a row, by graph.

    The first pass is not counted.
    """
    runtime = ModelRuntime(load_artifact(artifact))
    sessions = {graph_of(one): one for one in vars(runtime).values() if isinstance(one, onnxruntime.InferenceSession)}
    outputs = {graph: [node.name for node in session.get_outputs()] for graph, session in sessions.items()}
    rows = {graph: recording.rows(graph) for graph in sessions}
    if not all(rows.values()):
        raise NextclickError(f"The recording holds {rows} rows: record more clicks.")
    runs = [(graph, dict(feed)) for graph, feed in recording]
    spent_s: dict[str, float] = defaultdict(float)
    passes = 0
    deadline = None
    while deadline is None or time.perf_counter() < deadline:
        for graph, feed in runs:
            started = time.perf_counter()
            sessions[graph].run(outputs[graph], feed)
            spent_s[graph] += time.perf_counter() - started
        passes += 1
        if deadline is None:
            deadline = time.perf_counter() + seconds
            passes = 0
            spent_s.clear()
    return {graph: spent * 1e6 / passes / rows[graph] for graph, spent in spent_s.items()}


def main() -> None:
    """Replay what the command line names."""
    artifact, recording, seconds = sys.argv[1:]
    print(json.dumps(replay(Path(artifact), Recording.load(Path(recording)), float(seconds))))  # noqa: T201 - its output


if __name__ == "__main__":
    main()
