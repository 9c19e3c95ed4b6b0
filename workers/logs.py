"""Structured logs: ours and Faust's in one shape, for a person or for a machine."""

import logging
import math
import secrets
from hashlib import blake2b
from typing import Any, Literal

import structlog

from models.errors import NextclickError

LogFormat = Literal["text", "json"]
UserIdsInLogs = Literal["plain", "pseudonym", "none"]

REPEAT_INTERVAL_S = 10.0
_LIBRARIES = ("faust", "mode", "aiokafka", "kafka", "aiohttp.access")
_CHATTERING = (*_LIBRARIES, "workers")


class LoggedUserIds:
    """How a log names a user: every line that does goes through here.

    A pseudonym is a keyed hash: lines about one user can be found together, and nobody without the key can find out
    whose they are, nor try all user ids there are.

    Args:
        mode: As the user is called, by a pseudonym, or not at all.
        key: Of the pseudonyms, any length; None: one of this process alone.
    """

    def __init__(self, mode: UserIdsInLogs, key: str | None) -> None:
        self._mode = mode
        # blake2b takes keys of 64 bytes: a longer one is hashed first.
        self._key = secrets.token_bytes(32) if key is None else blake2b(key.encode()).digest()

    def name(self, user_key: bytes | None) -> str:
        """Return what a line calls the user of a record's key."""
        if self._mode == "none" or user_key is None:
            return "-"
        if self._mode == "plain":
            # An id can hold a line feed, and would then be a line of its own.
            return user_key.decode(errors="backslashreplace").encode("unicode_escape").decode()
        return f"user-{blake2b(user_key, key=self._key, digest_size=8).hexdigest()}"


class RepeatedLines(logging.Filter):
    """Lets a library say a thing once in `REPEAT_INTERVAL_S`: for a broker that is away they have 50 lines a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said_at: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line is to be printed; an exception always is."""
        if record.exc_info or not record.name.startswith(_LIBRARIES):
            return True
        # The message before its arguments: the same complaint about another node or with another delay is the same.
        complaint = (record.name, str(record.msg))
        if record.created - self._said_at.get(complaint, -math.inf) < REPEAT_INTERVAL_S:
            return False
        self._said_at[complaint] = record.created
        return True


def configure_structlog() -> None:
    """Send our own events through the standard library's logging, where Faust's go too."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared_processors(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def logging_config(log_format: LogFormat, level: str) -> dict[str, Any]:
    """Return a `logging.config.dictConfig` that renders every line the same way, on stderr."""
    renderer: Any = (
        structlog.processors.JSONRenderer() if log_format == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _shared_processors(),
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    _say_our_errors_in_one_line,
                    structlog.processors.format_exc_info,
                    renderer,
                ],
            }
        },
        "filters": {"repeats": {"()": RepeatedLines}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stderr",
                "formatter": "structured",
                "filters": ["repeats"],
            }
        },
        "root": {"level": level, "handlers": ["stderr"]},
        # Chatter of the libraries at INFO is about every request and every step of a rebalance. `workers.*` is where
        # Faust logs what our own services start and stop; what we have to say is logged as `nextclick`.
        "loggers": {name: {"level": "WARNING"} for name in _CHATTERING},
    }


def _say_our_errors_in_one_line(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Put an error's own sentence in the place of its stack trace: it says what is wrong, where, and what to do."""
    match event.get("exc_info"):
        case (_, NextclickError() as error, _):
            del event["exc_info"]
            event["event"] = str(error)
    return event


def _shared_processors() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
