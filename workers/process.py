"""The worker's process: what must hold is checked before Faust starts, and it ends where Faust does not let it.

Both are said in one line.
"""

import os
import sys
import threading
from typing import NoReturn, cast

import faust
import structlog

from models.errors import NextclickError
from workers.preflight import check_topics, check_web_address
from workers.streaming_app import StreamingApp

log = structlog.get_logger("nextclick")

# An orderly shutdown gives a batch in flight 10 s, then commits and leaves the group. Below the 30 s that Kubernetes
# and the Compose file wait before they kill.
SHUTDOWN_LIMIT_S = 25.0


def end_process_after(limit_s: float) -> None:
    """End the process with exit code 1 if it is still there after `limit_s`.

    From a thread: a shutdown may wait for a broker that never answers, and take the event loop with it. Nothing is
    lost: what was not committed is redelivered, as after a kill.
    """

    def end() -> None:
        log.critical("The shutdown does not end, the process is ended: a broker does not answer?", seconds=limit_s)
        sys.stderr.flush()
        os._exit(1)

    timer = threading.Timer(limit_s, end)
    timer.daemon = True
    timer.start()


class RecommenderWorker(faust.Worker):
    """Faust's worker process, behind a preflight check and before a deadline."""

    _is_ending = False

    def execute_from_commandline(self) -> NoReturn:
        """Run until stopped; exit code 0 after SIGTERM or SIGINT, 1 where the worker could not start or crashed."""
        app = cast(StreamingApp, self.app)
        try:
            check_topics(app.settings, counts=app.counts_clicks)
            # Faust's configuration, not our settings: `faust worker --web-port` changes it.
            if app.conf.web_enabled:
                check_web_address(app.conf.web_bind, app.conf.web_port)
        except NextclickError as error:
            print(f"nextclick: {error}", file=sys.stderr)  # noqa: T201 - logging is not up yet
            sys.exit(1)
        super().execute_from_commandline()

    async def stop(self) -> None:
        """Stop, or end the process."""
        self._end_in_time()
        await super().stop()

    def _crash(self, reason: BaseException) -> None:
        self._end_in_time()
        super()._crash(reason)

    def _end_in_time(self) -> None:
        if not self._is_ending:
            self._is_ending = True
            end_process_after(SHUTDOWN_LIMIT_S)
