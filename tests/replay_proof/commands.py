"""Runs nextclick's commands as a user would, shows them, and says what they said."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from workers.settings import ENVIRONMENT_PREFIX

WIDTH = 240


class CommandError(Exception):
    """A command ended with another exit code than it should."""


class Commands:
    """Commands in one folder, so that their files have short names.

    Args:
        folder: Where they run.
        console: Where they are shown.
        environment: Settings of theirs; those of our own environment do not reach them.
    """

    def __init__(self, folder: Path, console: Console, **environment: str) -> None:
        others = {name: value for name, value in os.environ.items() if not name.startswith(ENVIRONMENT_PREFIX)}
        self._environment = {**others, "COLUMNS": str(WIDTH), **environment}
        self._folder = folder
        self._console = console

    def run(self, *arguments: str, expect: int = 0) -> str:
        """Run `nextclick ARGUMENTS` and return what it printed.

        Raises:
            CommandError: If its exit code is not the expected one; with what it said.
        """
        started = time.monotonic()
        ended = subprocess.run(
            [sys.executable, "-m", "nextclick", *arguments],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        took_s = time.monotonic() - started
        command = escape(" ".join(("nextclick", *arguments)))
        said = f", exit code {ended.returncode}" if ended.returncode else ""
        self._console.print(f"[dim]$ {command}[/]  [dim]({took_s:.1f} s{said})[/]")
        if ended.returncode != expect:
            raise CommandError(f"{command}: exit code {ended.returncode}\n{ended.stdout}\n{ended.stderr}")
        return ended.stdout

    def show(self, *arguments: str, expect: int = 0) -> str:
        """Run, print what it said below it, and return it."""
        said = self.run(*arguments, expect=expect)
        self._console.print(escape("\n".join(f"    {line}" for line in said.strip().splitlines())))
        return said

    def read(self, *arguments: str) -> dict[str, Any]:
        """Run with `--json` and return what it said."""
        read: dict[str, Any] = json.loads(self.run(*arguments, "--json"))
        return read
