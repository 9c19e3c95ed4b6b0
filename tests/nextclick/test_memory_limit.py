import os
from pathlib import Path

from nextclick.memory_limit import group_limit_bytes, memory_limit_bytes


def test_the_tightest_group_around_a_process_limits_it(tmp_path: Path) -> None:
    """A group of its own without a limit, in a container with one; another version's line says nothing."""
    (tmp_path / "box" / "task").mkdir(parents=True)
    (tmp_path / "memory.max").write_text("9000\n", encoding="ascii")
    (tmp_path / "box" / "memory.max").write_text("4000\n", encoding="ascii")
    (tmp_path / "box" / "task" / "memory.max").write_text("max\n", encoding="ascii")
    assert group_limit_bytes("0::/box/task\n", tmp_path) == 4000
    assert group_limit_bytes("4:memory:/box\n0::/\n", tmp_path) == 9000
    assert group_limit_bytes("0::/box\n", tmp_path / "elsewhere") is None
    assert group_limit_bytes("", tmp_path) is None


def test_no_more_than_the_machine_has() -> None:
    """Some megabytes at least: a test runs in it."""
    assert 1 << 26 < memory_limit_bytes() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
