"""Artifacts that every test process uses, exported by whichever of them comes first."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from export.artifact import Artifact, load_artifact


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Artifact]) -> Artifact:
    """Return the artifact of a name, which stands for the same arguments wherever it is used; never write to it."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Each process has a folder of its own in that of the run.
        root = root.parent
    folder = root / "shared-artifacts" / name
    folder.parent.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return load_artifact(folder) if folder.exists() else make(folder)
