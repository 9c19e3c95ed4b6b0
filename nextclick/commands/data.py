"""`nextclick data`: list, fetch and prepare the data that models are trained on."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nextclick.options import PREPARED_FOLDER, AsJson, DataFolder

if TYPE_CHECKING:
    from models.preparation.prepared_data import PreparedData

data = typer.Typer(help="List, fetch and prepare the data that models are trained on.", no_args_is_help=True)

SessionsBy = Literal["id", "gap", "id-or-gap", "never"]
UnitOfTime = Literal["seconds", "milliseconds", "order", "iso"]
OWN = "as the data set has it"


@data.command("list")
def list_datasets(data_folder: DataFolder = None, as_json: AsJson = False) -> None:
    """Show the public data sets that nextclick can read: what they are, what their owners allow, whether they are here.

    Example: `nextclick data list`
    """
    from models.datasets import DATASETS  # noqa: PLC0415
    from models.datasets.folders import find_dataset  # noqa: PLC0415
    from nextclick.data_report import DatasetRow, print_datasets  # noqa: PLC0415

    rows = [
        DatasetRow(
            name=dataset.name,
            what=dataset.what,
            licence=dataset.licence,
            folder=str(folder) if (folder := find_dataset(dataset, data_folder)) else None,
            sources=tuple(dataset.sources),
        )
        for dataset in DATASETS.values()
    ]
    print_datasets(rows, as_json=as_json)


@data.command()
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A data set of `nextclick data list`.")],
    source: Annotated[
        str | None, typer.Option("--from", metavar="SOURCE", help="Another source: `data list --json` names them.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a data set into `data/`, check it against its checksum, and say what its owners allow.

    Example: `nextclick data fetch movielens-100k`, or `nextclick data fetch movielens-100k --from official`
    """
    from models.datasets import dataset_named  # noqa: PLC0415
    from models.datasets.folders import fetch_dataset  # noqa: PLC0415
    from nextclick.data_report import print_fetched  # noqa: PLC0415

    dataset = dataset_named(name)
    folder = fetch_dataset(dataset, source)
    print_fetched(dataset.name, folder, dataset.licence, as_json=as_json)


@data.command()
def prepare(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A data set of `nextclick data list`; or give a --log.")
    ] = None,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write to.", show_default=f"{PREPARED_FOLDER}/NAME")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="The steps to take, in order, as a TOML file; no other options."),
    ] = None,
    data_folder: DataFolder = None,
    log: Annotated[
        Path | None, typer.Option("--log", help="Your own click log: CSV, TSV, JSON lines (.gz, .zst too) or Parquet.")
    ] = None,
    on_disk: Annotated[
        bool | None,
        typer.Option(
            "--on-disk/--in-memory",
            help="Whether a Parquet --log (a file, or a folder of them) is worked on in parts on disk.",
            show_default="from 10 million clicks on",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option("--columns", help="The log's names: `user=visitorid,item=sku,timestamp=time,session=visit`."),
    ] = None,
    timestamp_unit: Annotated[
        UnitOfTime, typer.Option("--timestamp-unit", help="How the log tells the time.")
    ] = "milliseconds",
    catalogue: Annotated[
        Path | None,
        typer.Option(
            "--catalogue",
            metavar="FILE",
            help="What is known of the --log's items, one row an item: item_id, and title, category, whatever else. "
            "CSV, TSV, JSON lines or Parquet.",
        ),
    ] = None,
    sessions: Annotated[
        SessionsBy | None, typer.Option("--sessions", help="What ends a session.", show_default=OWN)
    ] = None,
    session_gap_minutes: Annotated[
        float | None,
        typer.Option("--session-gap-minutes", min=0, help="The idle time that ends a session.", show_default="30"),
    ] = None,
    cut: Annotated[
        str | None,
        typer.Option(
            "--cut",
            metavar="DATE|SHARE",
            help="Where the test clicks begin: `2024-05-01`, or `0.9` for the last tenth.",
            show_default=OWN,
        ),
    ] = None,
    min_item_clicks: Annotated[
        int | None,
        typer.Option("--min-item-clicks", min=1, help="Drop items with fewer training clicks.", show_default=OWN),
    ] = None,
    min_session_clicks: Annotated[
        int | None,
        typer.Option("--min-session-clicks", min=1, help="Drop sessions with fewer clicks.", show_default=OWN),
    ] = None,
    drop_repeats: Annotated[
        bool | None,
        typer.Option(
            "--drop-repeats/--keep-repeats", help="An item clicked twice in a row in a session.", show_default=OWN
        ),
    ] = None,
    drop_duplicates: Annotated[
        bool | None,
        typer.Option(
            "--drop-duplicates/--keep-duplicates", help="Clicks that are equal in every column.", show_default=OWN
        ),
    ] = None,
    check_timestamps: Annotated[
        bool | None,
        typer.Option(
            "--check-timestamps/--any-timestamps", help="Times before 1973 or in the future.", show_default=OWN
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a data set, or your own click log, ready to train on, and report what was dropped and why.

    Clicks are cleaned, cut into sessions and split by time. Steps that you do not set are the data set's own; for your
    own log: sessions by their ids where it has any, else by the idle gap; the last tenth tests. A given split (`eshop`,
    `globo`) is taken as it stands, because it is there to compare models by.

    `--config` names the steps in order instead: sessions, k-core, longest session, normalised values, any split. What
    was done is in `prepared.json` either way.

    Example: `nextclick data prepare movielens-100k`, or
    `nextclick data prepare --log clicks.csv --columns user=visitorid,item=sku,timestamp=time --timestamp-unit seconds`
    """
    from models.datasets import dataset_named  # noqa: PLC0415
    from models.preparation.click_log import Columns  # noqa: PLC0415
    from models.preparation.item_catalogue import read_item_catalogue  # noqa: PLC0415
    from models.preparation.large_logs import is_large, prepare_large_log  # noqa: PLC0415
    from models.preparation.preparing import own_steps, prepare_dataset, prepare_own_log  # noqa: PLC0415
    from models.preparation.step_config import load_preparation_config  # noqa: PLC0415
    from nextclick.data_report import print_prepared_folder  # noqa: PLC0415
    from nextclick.recipe_options import RecipeOptions  # noqa: PLC0415

    if (name is None) == (log is None):
        raise typer.BadParameter("Name a data set or give a --log, one of them.", param_hint="NAME")
    options = RecipeOptions(
        sessions=sessions,
        session_gap_minutes=session_gap_minutes,
        cut=cut,
        min_item_clicks=min_item_clicks,
        min_session_clicks=min_session_clicks,
        immediate_repeats=drop_repeats,
        duplicates=drop_duplicates,
        impossible_timestamps=check_timestamps,
    )
    if config is not None and options.given:
        raise typer.BadParameter("A file of steps stands in place of the other options.", param_hint="--config")
    if catalogue is not None and log is None:
        raise typer.BadParameter("A public data set has its own; yours goes with a --log.", param_hint="--catalogue")
    steps = None if config is None else load_preparation_config(config).steps
    if log is not None:
        own_columns = Columns() if columns is None else Columns.parse(columns)
        items = None if catalogue is None else read_item_catalogue(catalogue, own_columns.item)
        if is_large(log, own_columns) if on_disk is None else on_disk:
            folder = PREPARED_FOLDER / log.name.split(".")[0] if out is None else out
            taken = own_steps(own_columns, options.change) if steps is None else steps
            large = prepare_large_log(log, own_columns, timestamp_unit, taken, folder, catalogue=items)
            print_prepared_folder(large, folder, as_json=as_json)
            return
        prepared = prepare_own_log(log, own_columns, timestamp_unit, options.change, steps, catalogue=items)
    elif name is not None:
        change = options.change if options.given else None
        prepared = prepare_dataset(dataset_named(name), data_folder, change, steps)
    _save(prepared, out, as_json=as_json)


@data.command()
def generate(
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where the Parquet files go.")],
    *,
    clicks: Annotated[int, typer.Option("--clicks", min=1)] = 1_000_000,
    users: Annotated[int, typer.Option("--users", min=1)] = 100_000,
    items: Annotated[int, typer.Option("--items", min=1)] = 20_000,
    days: Annotated[float, typer.Option("--days", min=0.001, help="How long the log lasts.")] = 30.0,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Make a SYNTHETIC click log of any length up, to find out what a large one costs; `data prepare --log` takes it.

    Example: `nextclick data generate --clicks 50_000_000 --users 2_000_000 --out data/generated`
    """
    from models.preparation.click_generator import GeneratorConfig, write_click_log  # noqa: PLC0415
    from nextclick.data_report import print_generated  # noqa: PLC0415

    config = GeneratorConfig(clicks=clicks, users=users, items=items, days=days, seed=seed)
    print_generated(clicks, write_click_log(config, out), out, as_json=as_json)


@data.command("make-news")
def make_news(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", show_default="data/synthetic-news: where it is read")
    ] = None,
    *,
    articles: Annotated[int, typer.Option("--articles", min=1)] = 4_000,
    readers: Annotated[int, typer.Option("--readers", min=1)] = 4_000,
    sessions: Annotated[int, typer.Option("--sessions", min=1)] = 30_000,
    topics: Annotated[int, typer.Option("--topics", min=4)] = 40,
    days: Annotated[float, typer.Option("--days", min=1)] = 30.0,
    drift: Annotated[float, typer.Option("--drift", min=0, max=1, help="How often a reader changes a topic.")] = 0.1,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Make SYNTHETIC news up: articles with text that appear over time, and readers who follow topics that drift.

    Example: `nextclick data make-news --articles 2000`, then `nextclick data prepare synthetic-news`
    """
    from models.datasets.folders import FETCHED_FOLDER  # noqa: PLC0415
    from models.datasets.synthetic_news import NewsConfig, encode_news  # noqa: PLC0415
    from nextclick.data_report import print_fetched  # noqa: PLC0415

    folder = FETCHED_FOLDER / "synthetic-news" if out is None else out
    config = NewsConfig(articles, readers, sessions, topics, days, drift, seed)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in encode_news(config).items():
        (folder / name).write_bytes(content)
    print_fetched("synthetic-news", folder, "none needed: generated", as_json=as_json)


@data.command("prepare-split")
def prepare_split(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    train: Annotated[Path, typer.Argument(metavar="TRAIN", help="`SessionId ItemId Time`, tab separated.")],
    test: Annotated[Path, typer.Argument(metavar="TEST", help="The same for the test sessions.")],
    *,
    timestamp_unit: Annotated[UnitOfTime, typer.Option("--timestamp-unit", help="What Time is.")] = "seconds",
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write to.", show_default=f"{PREPARED_FOLDER}/NAME")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take a split that somebody else made, as GRU4Rec's authors publish theirs; nothing is cleaned, nothing dropped.

    Example: `nextclick data prepare-split yoochoose yoochoose_train_full.txt yoochoose_test.txt`
    """
    from models.datasets.given_split import load_given_split  # noqa: PLC0415
    from models.preparation.preparing import prepare_given_split  # noqa: PLC0415
    from models.preparation.timestamps import to_milliseconds  # noqa: PLC0415

    how = f"Given: {train.name} trains, {test.name} tests."
    split = load_given_split(train, test, lambda text: to_milliseconds(text, timestamp_unit), how)
    _save(prepare_given_split(name, split), out, as_json=as_json)


def _save(prepared: "PreparedData", out: Path | None, *, as_json: bool) -> None:
    from nextclick.data_report import print_prepared  # noqa: PLC0415

    folder = PREPARED_FOLDER / prepared.description.name if out is None else out
    prepared.save(folder)
    print_prepared(prepared, folder, as_json=as_json)
