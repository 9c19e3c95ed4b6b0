"""Real artifacts of untrained networks: what a list costs does not depend on what the weights have learned.

Each is made once and kept until the exporter, the network or a library changes.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import version

from benchmarks.folders import BUILD, PROJECT
from export.artifact import Artifact, load_artifact
from models.errors import ArtifactError

LIBRARIES = ("numpy", "onnx", "onnxruntime", "onnxscript", "torch")


def benchmark_artifact(item_count: int, say: Callable[[str], None], *, live_counts: bool = False) -> Artifact:
    """Return the artifact of a catalogue of this size, made anew where what makes it has changed.

    Args:
        item_count: V.
        say: Told where it has to be made.
        live_counts: Whether the same network ranks with everyone's clicks.

    Raises:
        ArtifactError: If it does not pass the exporter's gates.
    """
    kind = f"{'counts' if live_counts else 'items'}-{item_count}"
    folder = BUILD / "artifacts" / f"{kind}-{_fingerprint()}"
    if not folder.is_dir():
        say(f"exporting an untrained network of {item_count:,} items")
        for outdated in folder.parent.glob(f"{kind}-*"):
            shutil.rmtree(outdated)
        # A process of its own: torch would stay in ours, with its threads and its gigabyte.
        command = [sys.executable, "-m", "benchmarks.programs.exporting", str(item_count), str(folder)]
        command += ["live-counts"] if live_counts else []
        made = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
        if made.returncode:
            raise ArtifactError(f"The network of {item_count:,} items cannot be exported:\n{made.stderr.strip()}")
    return load_artifact(folder)


def _fingerprint() -> str:
    """Return a hash of all that an artifact comes from."""
    sources = [*(PROJECT / "export").rglob("*.py"), *(PROJECT / "models").rglob("*.py")]
    sources += [PROJECT / "benchmarks" / "programs" / "exporting.py", PROJECT / "benchmarks" / "click_sets.py"]
    digest = sha256()
    for source in sorted(sources):
        digest.update(source.read_bytes())
    digest.update(" ".join(version(library) for library in LIBRARIES).encode())
    return digest.hexdigest()[:12]
