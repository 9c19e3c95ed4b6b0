"""Where the benchmark keeps what it makes, all of it ignored by git, and where it leaves its results."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
BUILD = PROJECT / "build" / "benchmarks"
RESULTS = PROJECT / "benchmarks" / "results.json"
# An environment of its own: Quix Streams does not take the newest versions of what we use.
PEERS_PYTHON = BUILD / "venv" / "bin" / "python"
