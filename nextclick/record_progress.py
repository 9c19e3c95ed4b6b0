"""A bar on stderr while a recording is read."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from nextclick.recording.files import Recording


@contextlib.contextmanager
def record_progress(recording: Recording) -> Iterator[Callable[[int], None]]:
    """Yield what is to be told how many records were read so far."""
    bar = Progress(
        TextColumn("records"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=None if recording.totals is None else recording.totals.records)
        yield lambda records: bar.update(task, completed=records)
