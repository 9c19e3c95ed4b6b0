"""One line for each step before the clicks flow: what it gave and how long it took, a spinner while it runs."""

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape


class Steps:
    """The steps so far.

    Args:
        console: Where they are told.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.reused: list[str] = []

    @contextlib.contextmanager
    def step(self, name: str, doing: str | None = None) -> Iterator["Step"]:
        """Run a step; its line is printed once it is told to be done.

        Args:
            name: A word.
            doing: What the spinner says; None: no spinner.
        """
        step = Step(name)
        with contextlib.nullcontext() if doing is None else self.console.status(doing):
            yield step
        if step.reused:
            self.reused.append(name)
        took = "reused" if step.reused else f"{time.monotonic() - step.began_s:.1f} s"
        self.console.print(
            f"[green]ready[/]  [bold]{name:<9}[/]{escape(step.result)}  [dim]{took}[/]", highlight=False, soft_wrap=True
        )


class Step:
    """A step that runs.

    Args:
        name: A word.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.began_s = time.monotonic()
        self.result = ""
        self.reused = False

    def done(self, result: str, *, reused: bool = False) -> None:
        """Note what it gave, and whether it was there already."""
        self.result, self.reused = result, reused
