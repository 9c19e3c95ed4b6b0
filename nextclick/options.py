"""The options that several commands share, so that each has one spelling, one default and one help text."""

from pathlib import Path
from typing import Annotated

import typer

# None leaves the choice to the settings: environment, then the file that NEXTCLICK_CONFIG names, then the default.
BootstrapServers = Annotated[
    str | None,
    typer.Option(
        "--bootstrap-servers",
        envvar="NEXTCLICK_BOOTSTRAP_SERVERS",
        metavar="HOST:PORT",
        help="Kafka brokers, several with commas between them.",
        show_default="127.0.0.1:9092",
    ),
]
Shadow = Annotated[
    str | None,
    typer.Option(
        "--shadow",
        metavar="PREFIX",
        help="Beside production: PREFIX- before group, states, lists and dead letters. The click topic is only read.",
    ),
]
ClicksTopic = Annotated[
    str | None, typer.Option("--clicks-topic", metavar="TOPIC", help="Clicks in.", show_default="clicks")
]
BrokerOrEmbedded = Annotated[
    str | None,
    typer.Option(
        "--bootstrap-servers",
        envvar="NEXTCLICK_BOOTSTRAP_SERVERS",
        metavar="HOST:PORT",
        help="Kafka brokers, several with commas between them.",
        show_default="the embedded broker, for this run alone",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout; progress goes to stderr.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="End after this many.")]
ServedArtifact = Annotated[
    Path | None,
    typer.Option(
        "--artifact",
        metavar="FOLDER",
        envvar="NEXTCLICK_ARTIFACT",
        help="The model that the worker serves.",
        show_default="artifacts/model",
    ),
]
DataFolder = Annotated[
    Path | None,
    typer.Option(
        "--data-folder",
        envvar="NEXTCLICK_DATA",
        metavar="FOLDER",
        help="A folder that has data sets already; it is only read. Fetched ones lie in `data/`.",
    ),
]
# Prepared data sets lie here, each in a folder of its name.
PREPARED_FOLDER = Path("data/prepared")
PreparedFolder = Annotated[Path, typer.Option("--prepared-folder", help="Where the prepared data sets lie.")]
ExcludeSeen = Annotated[
    bool | None,
    typer.Option(
        "--exclude-seen/--include-seen",
        help="Whether to leave out what a user has clicked already.",
        show_default="as the artifact says",
    ),
]
OnDisk = Annotated[
    bool | None,
    typer.Option(
        "--on-disk/--in-memory",
        help="Whether the data is read in parts from disk. What comes of it is the same.",
        show_default="on disk where it would take more than a quarter of the memory",
    ),
]
