"""The options that say which counts of everyone's clicks recorded clicks are ranked with, alike in each command."""

from pathlib import Path
from typing import Annotated

import typer

CountsDelay = Annotated[
    str | None,
    typer.Option(
        "--counts-delay",
        metavar="DURATION",
        help="Count the recorded clicks, and rank with the buckets that ended so long before: 0, 60s, 10m.",
    ),
]
RecordedCounts = Annotated[
    Path | None,
    typer.Option(
        "--counts", metavar="COUNTS", help="The counts topic as recorded: rank with the counts that --lists name."
    ),
]
RecordedListsFile = Annotated[
    Path | None,
    typer.Option("--lists", metavar="LISTS", help="The output topic as recorded: its lists name their counts."),
]
