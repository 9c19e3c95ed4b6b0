"""A child process that cannot outlive us, not even when we are killed with -9.

Between us and the child stands a guard: this module, run as a program. It holds the read end of a pipe whose write end
is ours alone, so the kernel closes it however we end; at its end of file the guard stops the child. Unlike Linux's
parent-death signal, that works on macOS too and does not depend on which thread started the child.

The same pipe carries signals for the child, a byte each: the guard stays where it is, also while the child is stopped.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from threading import Thread
from typing import IO

# What a child has between SIGTERM and SIGKILL. A worker finishes its batch and commits within it.
STOP_GRACE_S = 10.0
STDIN = 0


class ChildProcess:
    """A running command in a process group of its own: a Ctrl-C at the terminal reaches us, and we end the child.

    Args:
        command: Program and arguments.
        output: Where its stdout and stderr go; a file descriptor, an open file or None for ours.
        environment: The child's whole environment; None for ours.
        grace_s: What it has between SIGTERM and SIGKILL.

    Raises:
        OSError: If not even the guard can be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        output: int | IO[bytes] | None = None,
        environment: Mapping[str, str] | None = None,
        grace_s: float = STOP_GRACE_S,
    ) -> None:
        self._grace_s = grace_s
        self._guard = subprocess.Popen(
            [sys.executable, "-m", "nextclick.child_process", str(grace_s), *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )

    @property
    def process_group(self) -> int:
        """The group that holds the guard and the child, and what the child starts."""
        return self._guard.pid

    def poll(self) -> int | None:
        """Return the child's exit code, or None while it runs; -N stands for an end by signal N."""
        code = self._guard.poll()
        return None if code is None else _signed(code)

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait for the child's end and return its exit code.

        Raises:
            subprocess.TimeoutExpired: If it still runs after `timeout_s`.
        """
        return _signed(self._guard.wait(timeout_s))

    def send_signal(self, number: signal.Signals) -> None:
        """Have the guard send the child a signal; nothing happens where the child has ended."""
        pipe = self._guard.stdin
        if pipe is not None and not pipe.closed:
            with contextlib.suppress(BrokenPipeError):
                pipe.write(bytes([number]))
                pipe.flush()

    def stop(self) -> int:
        """End the child, SIGTERM first, and whatever else is left in its group; return its exit code."""
        if self._guard.stdin is not None:
            # A signal that the guard did not live to read is written once more by `close`.
            with contextlib.suppress(BrokenPipeError):
                self._guard.stdin.close()
        # The guard itself takes up to `grace_s`; the seconds beside it are for starting and ending Python.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._guard.wait(self._grace_s + 5)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process_group, signal.SIGKILL)
        return _signed(self._guard.wait())


# A shell's convention, which the guard's own exit code has to follow: 128 + N for an end by signal N.
_SIGNAL_BASE = 128


def _signed(code: int) -> int:
    return _SIGNAL_BASE - code if code > _SIGNAL_BASE else code


def _guard(grace_s: float, command: Sequence[str]) -> int:
    """Run `command` until it ends or our stdin does; return its exit code as a shell would."""
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return 127
    Thread(target=_pass_signals_on_until_end_of_file, args=(child, grace_s), daemon=True).start()
    code = child.wait()
    return code if code >= 0 else _SIGNAL_BASE - code


def _pass_signals_on_until_end_of_file(child: subprocess.Popen[bytes], grace_s: float) -> None:
    # The file descriptor itself: a buffered reader's lock, held here, would hang the interpreter's end.
    with contextlib.suppress(OSError):
        while number := os.read(STDIN, 1):
            child.send_signal(number[0])
    child.terminate()
    try:
        child.wait(grace_s)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    sys.exit(_guard(float(sys.argv[1]), sys.argv[2:]))
