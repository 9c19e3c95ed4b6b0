"""How much memory this process may use: the machine's, or what a container is given of it."""

import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def memory_limit_bytes() -> int:
    """Return the machine's memory, or the limit of the control groups that this process is in where that is less."""
    machine: int = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    membership = Path("/proc/self/cgroup")
    if not membership.is_file():
        return machine
    limit = group_limit_bytes(membership.read_text(encoding="utf-8"), _CGROUPS)
    return machine if limit is None else min(machine, limit)


def group_limit_bytes(membership: str, root: Path) -> int | None:
    """Return the least limit of a group and of those around it; None where none is set.

    Args:
        membership: What `/proc/self/cgroup` says, version 2: `0::/user.slice/session`.
        root: Where the groups are mounted.
    """
    limits = []
    for line in membership.splitlines():
        number, _, path = line.partition("::")
        if number != "0":
            continue
        group = root / path.strip("/")
        for place in (group, *group.parents):
            file = place / "memory.max"
            if place.is_relative_to(root) and file.is_file():
                limit = file.read_text(encoding="ascii").strip()
                limits += [] if limit == "max" else [int(limit)]
    return min(limits, default=None)
