import json
import logging
import logging.config
from collections.abc import Iterator

import pytest
import structlog

from models.errors import SettingsError
from workers.logs import _CHATTERING, LogFormat, LoggedUserIds, configure_structlog, logging_config


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Put back what a configuration changes."""
    loggers = [logging.getLogger(), *(logging.getLogger(name) for name in _CHATTERING)]
    before = [(logger, logger.level, list(logger.handlers)) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers
    structlog.reset_defaults()


def configure(log_format: LogFormat) -> None:
    """Log as a worker does."""
    configure_structlog()
    logging.config.dictConfig(logging_config(log_format, "INFO"))


def test_json_logs_are_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Ours and the libraries' alike, on stderr; INFO of the libraries and our DEBUG are left out."""
    configure("json")
    log = structlog.get_logger("nextclick.test")
    log.info("Model is warm", items=30)
    log.debug("Batch processed")
    logging.getLogger("aiokafka.consumer").info("chatter")
    logging.getLogger("aiokafka.consumer").warning("Heartbeat %s", "failed")
    ours, theirs = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (ours["event"], ours["items"], ours["level"], ours["logger"]) == (
        "Model is warm",
        30,
        "info",
        "nextclick.test",
    )
    assert (theirs["event"], theirs["level"]) == ("Heartbeat failed", "warning")
    assert ours["timestamp"].endswith("Z")


def test_text_logs_are_one_line_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    """For a person: no colours, no JSON."""
    configure("text")
    structlog.get_logger("nextclick.test").warning("Batch abandoned", records=3)
    (line,) = capsys.readouterr().err.splitlines()
    assert "Batch abandoned" in line
    assert "records=3" in line
    assert "\x1b" not in line


def test_an_error_of_ours_is_said_without_its_stack_trace(capsys: pytest.CaptureFixture[str]) -> None:
    """It names the remedy; what nobody foresaw keeps its trace."""
    configure("json")
    log = logging.getLogger("mode.worker")
    for error in (SettingsError("state_folder=/proc cannot be written: name another."), RuntimeError("renamed")):
        try:
            raise error
        except (SettingsError, RuntimeError):
            log.exception("Error: %r", error)
    ours, unforeseen = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (ours["event"], ours["level"]) == ("state_folder=/proc cannot be written: name another.", "error")
    assert "exception" not in ours
    assert "Traceback" in unforeseen["exception"]


def test_a_library_repeats_itself_once_in_a_while(capsys: pytest.CaptureFixture[str]) -> None:
    """While a broker is away: the first of the same complaints, whatever its arguments; all of ours."""
    configure("text")
    for node in range(3):
        logging.getLogger("aiokafka").error("Unable to connect to node %s", node)
        logging.getLogger("workers.stores.base").error("A state record of partition %s is set aside", node)
    lines = capsys.readouterr().err.splitlines()
    assert sum("Unable to connect" in line for line in lines) == 1
    assert sum("set aside" in line for line in lines) == 3


def test_a_pseudonym_is_one_users_alone_and_tells_nothing() -> None:
    """Of one key the same in every process, of another key another; the user's id is not in it."""
    names = LoggedUserIds("pseudonym", "secret key")
    assert names.name(b"alice") == LoggedUserIds("pseudonym", "secret key").name(b"alice")
    assert names.name(b"alice") != names.name(b"bob")
    assert names.name(b"alice") != LoggedUserIds("pseudonym", "another key").name(b"alice")
    assert names.name(b"alice").startswith("user-")
    assert "alice" not in names.name(b"alice")


def test_without_a_key_pseudonyms_are_of_one_process() -> None:
    """Nobody can link them to the lines of another start."""
    assert LoggedUserIds("pseudonym", None).name(b"alice") != LoggedUserIds("pseudonym", None).name(b"alice")


def test_a_key_of_any_length_will_do() -> None:
    """Also one that blake2b would not take."""
    assert LoggedUserIds("pseudonym", "k" * 1_000).name(b"alice") != LoggedUserIds("pseudonym", "k" * 999).name(
        b"alice"
    )


def test_users_as_they_are_called_and_not_at_all() -> None:
    """What is not ASCII is escaped, so that no id can write a line of the log; a record without key has no user."""
    assert (
        LoggedUserIds("plain", None).name(b"ann\nERROR all users deleted\x1b[2J")
        == "ann\\nERROR all users deleted\\x1b[2J"
    )
    assert LoggedUserIds("plain", None).name(b"zo\xc3\xab") == "zo\\xeb"
    assert LoggedUserIds("none", None).name(b"alice") == "-"
    assert LoggedUserIds("plain", None).name(None) == "-"
