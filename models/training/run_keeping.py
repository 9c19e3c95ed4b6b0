"""When the state of a training run is kept, and where."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from models.training.state import discard_training_state


def _never() -> bool:
    return False


@dataclass(frozen=True)
class RunKeeping:
    """Where a run leaves its state, and when: after every epoch, every so often within one, and when it is stopped.

    Attributes:
        file: The state's place.
        every_s: Seconds between two states of one epoch.
        should_stop: Asked after every batch; once it says yes, the state is kept and training ends.
    """

    file: Path
    every_s: float = 300.0
    should_stop: Callable[[], bool] = field(default=_never)

    def of_part(self, name: str) -> "RunKeeping":
        """Return where a run that is a part of this one leaves its state: beside this one's."""
        return replace(self, file=self.file.with_name(f"{self.file.name}.{name}"))

    def discard(self) -> None:
        """Remove the state and those of its parts: the run is over, or is to begin anew."""
        discard_training_state(self.file)


class KeepingClock:
    """Tells when the next state within an epoch is due.

    Args:
        every_s: Seconds from one to the next.
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._kept_at = time.monotonic()

    @property
    def is_due(self) -> bool:
        """Tell whether that long ago."""
        return time.monotonic() - self._kept_at >= self._every_s

    def start_over(self) -> None:
        """A state was kept just now."""
        self._kept_at = time.monotonic()
