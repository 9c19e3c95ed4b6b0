"""Which processes there are, without a `ps`: a small Linux has none."""

import subprocess
from pathlib import Path


def descendants(pid: int) -> set[int]:
    """Return the processes that it has started, and theirs."""
    parent_of = {child: parent for child, parent, _ in _processes()}
    found = {pid}
    while new := {child for child, parent in parent_of.items() if parent in found} - found:
        found |= new
    return found - {pid}


def alive(pids: set[int]) -> set[int]:
    """Return those that run; one that is dead but not yet collected by its parent does not."""
    return {pid for pid, _, state in _processes() if pid in pids and not state.startswith("Z")}


def _processes() -> list[tuple[int, int, str]]:
    """Return id, parent's id and state of every process."""
    if not Path("/proc/self/stat").exists():
        listing = subprocess.run(["/bin/ps", "-Ao", "pid=,ppid=,stat="], check=True, capture_output=True, text=True)
        rows = [line.split() for line in listing.stdout.splitlines()]
        return [(int(pid), int(parent), state) for pid, parent, state in rows]
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # "pid (name) state parent ...", and the name may hold anything.
            state, parent, *_ = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found.append((int(path.parent.name), int(parent), state))
    return found
