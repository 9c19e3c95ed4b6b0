"""How far a replay is: written by the thread that sends, read by the one that draws."""

from dataclasses import dataclass
from typing import Protocol


@dataclass
class ReplayProgress:
    """How far it is.

    Attributes:
        title: What is being done, for a person.
        sent: Clicks sent.
        total: Clicks there are.
    """

    title: str = ""
    sent: int = 0
    total: int = 0


class View(Protocol):
    """Shows a replay."""

    def show(self) -> None:
        """Show the present, if it is time to; called about ten times a second."""
