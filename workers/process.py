"""The worker's process: what must hold is checked before Faust starts, and said in one line where it does not."""

import sys
from typing import NoReturn, cast

import faust

from models.errors import NextclickError
from workers.preflight import check_topics, check_web_address
from workers.streaming_app import StreamingApp


class RecommenderWorker(faust.Worker):
    """Faust's worker process, behind a preflight check."""

    def execute_from_commandline(self) -> NoReturn:
        """Run until stopped; exit code 0 after SIGTERM or SIGINT, 1 where the worker could not start or crashed."""
        app = cast(StreamingApp, self.app)
        try:
            check_topics(app.settings)
            # Faust's configuration, not our settings: `faust worker --web-port` changes it.
            if app.conf.web_enabled:
                check_web_address(app.conf.web_bind, app.conf.web_port)
        except NextclickError as error:
            print(f"nextclick: {error}", file=sys.stderr)  # noqa: T201 - logging is not up yet
            sys.exit(1)
        super().execute_from_commandline()
