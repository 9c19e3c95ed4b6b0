"""`nextclick dead-letters redrive`: what it prints, refuses and ends with."""

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from models.errors import NextclickError
from nextclick.cli import app
from tests.dead_letters import make_rejected
from tests.integration.harness import Stream
from tests.nextclick.redrives import clicks_of, many, redrive_stream, reject
from workers.events import RejectionReason
from workers.unreadable_states import UnreadableState, unreadable_state_letter

pytestmark = pytest.mark.broker


@pytest.fixture
def stream(broker: str, unique_name: Callable[[str], str]) -> Stream:
    """Topics of a worker with dead letters."""
    return redrive_stream(broker, unique_name("redrive"))


@pytest.fixture
def command(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `nextclick dead-letters` with the stream's settings."""
    for name, value in {**stream.environment, "COLUMNS": "200"}.items():
        monkeypatch.setenv(name, value)
    return lambda *arguments: CliRunner().invoke(app, ["dead-letters", *arguments])


def test_the_commands(stream: Stream, command: Callable[..., Result]) -> None:
    """List, show, redrive, list: what a person on call types, with exit codes."""
    reject(stream, *many(2), make_rejected(b"\x1b[2J\xff", offset=50, reason=RejectionReason.NOT_UTF8))
    listed = command("list", "--since", "1h")
    assert listed.exit_code == 0
    assert "3 dead letters" in listed.stdout
    assert "\x1b" not in listed.stdout
    (letter,) = json.loads(command("list", "--json", "--reason", "not_utf8").stdout)["reasons"][0]["examples"]
    shown = command("show", f"{letter['partition']}:{letter['offset']}")
    assert shown.exit_code == 0
    assert "1b 5b 32 4a ff" in shown.stdout
    assert json.loads(command("redrive", "--all", "--json").stdout)["sent"] == 3
    assert "3  sent again before, left alone" in command("redrive", "--all").stdout
    reasons = json.loads(command("list", "--json").stdout)["reasons"]
    assert {one["reason"]: one["redriven"] for one in reasons} == {"id_too_long": 2, "not_utf8": 1}


def test_a_record_that_cannot_be_sent_is_exit_code_1(stream: Stream, command: Callable[..., Result]) -> None:
    """And told in words."""
    reject(stream, make_rejected(b"p", partition=4))
    redriven = command("redrive", "--all")
    assert redriven.exit_code == 1
    assert "1  from a partition that the click topic does not have" in redriven.stdout


def test_a_state_is_never_sent(stream: Stream, command: Callable[..., Result]) -> None:
    """It is no click: left alone among others, and an error for whoever asks for it, wherever it should go."""
    dead_letters, changelog = stream.settings.dead_letter_topic, stream.settings.changelog_topic
    state = UnreadableState(3, b"ann", b"\x02 newer", "A state record has codec version 2")
    stream.send_records([unreadable_state_letter(state, changelog=changelog, topic=dead_letters, partitions=2)])
    reject(stream, *many(2))
    named = command("redrive", "--reason", "unreadable_state", "--to", stream.settings.clicks_topic)
    assert named.exit_code == 1
    assert "1  user states that did not decode, no clicks: never sent" in named.stdout
    every = command("redrive", "--all")
    assert every.exit_code == 0
    assert "1  user states" in every.stdout
    assert len(clicks_of(stream)) == 2


def test_a_command_prints_what_it_has_to_say_and_no_more(stream: Stream) -> None:
    """As a process of its own: no library's complaints on stderr."""
    reject(stream, *many(2))
    ended = subprocess.run(
        [sys.executable, "-m", "nextclick", "dead-letters", "redrive", "--all", "--json"],
        env={**os.environ, **stream.environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout)["sent"] == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", "0:999"), "There is no record at"),
        (("show", "77:0"), "There is no record at"),
        (("list", "--since", "yesterday"), "is no time"),
        (("list", "--topic", "absent"), "There is no topic absent"),
    ],
)
def test_what_is_wrong_is_an_error_of_ours(
    command: Callable[..., Result], arguments: tuple[str, ...], says: str
) -> None:
    """Which the command line prints as one line."""
    error = command(*arguments).exception
    assert isinstance(error, NextclickError)
    assert says in str(error)


@pytest.mark.parametrize(
    "arguments", [("show", "0-5"), ("show", "9" * 5_000 + ":1"), ("redrive",), ("redrive", "--all", "--reason", "x")]
)
def test_what_is_meant_must_be_said(command: Callable[..., Result], arguments: tuple[str, ...]) -> None:
    """A slip of the finger sends nothing."""
    assert command(*arguments).exit_code == 2
