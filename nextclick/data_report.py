"""What `nextclick data` prints: tables for people, JSON for machines."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.preparation.click_counts import ClickCounts, count_clicks
from models.preparation.click_parts import ClicksInMemory
from models.preparation.item_catalogue import CatalogueCoverage, catalogue_coverage
from models.preparation.large_logs import PreparedFolder
from models.preparation.prepared_data import CleaningStep, PreparedData


class DatasetRow(msgspec.Struct, frozen=True):
    """One line of `nextclick data list`; `folder` is None where the data set is not here."""

    name: str
    what: str
    licence: str
    folder: str | None
    sources: tuple[str, ...]


class PreparedReport(msgspec.Struct, frozen=True):
    """What `nextclick data prepare` did."""

    name: str
    folder: str
    split: str
    cleaning: tuple[CleaningStep, ...]
    train: ClickCounts
    test: ClickCounts
    catalogue: CatalogueCoverage | None


def print_datasets(rows: Sequence[DatasetRow], *, as_json: bool) -> None:
    """Print the data sets that there are."""
    if as_json:
        _print_json(rows)
        return
    table = Table("name", "what", "licence")
    table.add_column("here", overflow="fold")
    table.columns[0].no_wrap = True
    for row in rows:
        table.add_row(f"[bold]{row.name}", row.what, row.licence, escape(row.folder or _how(row)))
    Console().print(table)


def _how(row: DatasetRow) -> str:
    return f"no: data fetch {row.name}" if row.sources else "no: ask its owners"


def print_fetched(name: str, folder: Path, licence: str, *, as_json: bool) -> None:
    """Say where a fetched data set is, and what its owners allow."""
    if as_json:
        _print_json({"name": name, "folder": str(folder), "licence": licence})
        return
    typer.echo(f"{name} is in {folder}. Licence: {licence}.")


def print_generated(clicks: int, files: int, folder: Path, *, as_json: bool) -> None:
    """Say where a generated log is."""
    if as_json:
        _print_json({"clicks": clicks, "files": files, "folder": str(folder)})
        return
    typer.echo(f"{clicks:,} made-up clicks are in {folder}, {files} file{'s' if files > 1 else ''}.")


def print_prepared(prepared: PreparedData, folder: Path, *, as_json: bool) -> None:
    """Print what was dropped and why, and what is left."""
    train, test = (count_clicks(ClicksInMemory(clicks)) for clicks in (prepared.train, prepared.test))
    catalogue = None if prepared.catalogue is None else catalogue_coverage(prepared.catalogue, prepared.train.lazy())
    print_prepared_folder(PreparedFolder(prepared.description, train, test, catalogue), folder, as_json=as_json)


def print_prepared_folder(prepared: PreparedFolder, folder: Path, *, as_json: bool) -> None:
    """Print the same of data that is in no memory."""
    report = PreparedReport(
        name=prepared.description.name,
        folder=str(folder),
        split=prepared.description.split,
        cleaning=prepared.description.cleaning,
        train=prepared.train,
        test=prepared.test,
        catalogue=prepared.catalogue,
    )
    if as_json:
        _print_json(report)
        return
    console = Console()
    if report.cleaning:
        console.print(_cleaning_table(report.cleaning))
    console.print(_counts_table(report))
    if report.catalogue is not None:
        covers = report.catalogue
        console.print(
            f"Catalogue: {covers.items:,} items, {covers.without_clicks:,} of them without training clicks; "
            f"{covers.not_described:,} with training clicks are not in it.",
            highlight=False,
            soft_wrap=True,
        )
    console.print(f"{report.split}\nWritten to {folder}.", highlight=False, soft_wrap=True)


def _cleaning_table(steps: Sequence[CleaningStep]) -> Table:
    table = Table("step", "reason")
    columns = ("dropped", "changed", "kept") if any(step.changed for step in steps) else ("dropped", "kept")
    for column in columns:
        table.add_column(column, justify="right")
    for step in steps:
        # A reason quotes the log: its brackets are no markup.
        counts = {"dropped": step.dropped, "changed": step.changed, "kept": step.kept}
        table.add_row(step.name, escape(step.reason), *(f"{counts[column]:,}" for column in columns))
    return table


def _counts_table(report: PreparedReport) -> Table:
    table = Table("")
    for column in ("users", "sessions", "items", "clicks"):
        table.add_column(column, justify="right")
    for part, counts in (("train", report.train), ("test", report.test)):
        numbers = (counts.users, counts.sessions, counts.items, counts.clicks)
        table.add_row(part, *(f"{number:,}" for number in numbers))
    return table


def _print_json(content: object) -> None:
    typer.echo(msgspec.json.encode(content).decode())
