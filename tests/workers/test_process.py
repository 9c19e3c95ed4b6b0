"""A shutdown that hangs ends."""

import subprocess
import sys

PROGRAM = """
import time
from workers.process import end_process_after
end_process_after({limit_s})
time.sleep({work_s})
"""


def ended(*, limit_s: float, work_s: float) -> tuple[int, str]:
    """Exit code and last words of a process that works for a while after its shutdown has begun."""
    program = PROGRAM.format(limit_s=limit_s, work_s=work_s)
    finished = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=30)
    return finished.returncode, finished.stdout + finished.stderr


def test_a_process_that_hangs_in_its_shutdown_is_ended_and_says_so() -> None:
    code, said = ended(limit_s=0.2, work_s=20)
    assert code == 1
    assert "The shutdown does not end, the process is ended" in said


def test_a_shutdown_that_ends_in_time_is_left_alone() -> None:
    assert ended(limit_s=10, work_s=0) == (0, "")
