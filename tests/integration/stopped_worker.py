"""Workers that stop themselves at a named moment: `python -m tests.integration.stopped_worker EVENT TEXT TIMES`.

The moments are those that Python tells an audit hook: a module is imported, a file is opened, a socket connects. So no
clock decides how far the worker has come.
"""

import os
import signal
import sys


def command(event: str, text: str, times: int) -> tuple[str, ...]:
    """Return what starts a worker that is told to stop at the so-many-th event of a kind that names a text."""
    return (sys.executable, "-m", "tests.integration.stopped_worker", event, text, str(times))


def stop_at(event: str, text: str, times: int) -> None:
    """Have this process told to stop then."""
    left = [times]

    def watch(happening: str, arguments: tuple[object, ...]) -> None:
        if happening == event and text in str(arguments[0] if event == "import" else arguments):
            left[0] -= 1
            if left[0] == 0:
                os.write(2, b"SIGTERM is sent\n")
                os.kill(os.getpid(), signal.SIGTERM)

    sys.addaudithook(watch)


if __name__ == "__main__":
    _, event, text, times = sys.argv
    sys.argv = ["nextclick", "worker"]
    from nextclick.__main__ import main

    stop_at(event, text, int(times))
    main()
