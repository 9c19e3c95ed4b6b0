"""From a data set's files, or one's own click log, to `PreparedData`."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from models.cleaning import Cleaning, drop_duplicates, drop_immediate_repeats, drop_impossible_timestamps
from models.click_log import ClickLog, Columns, read_click_log
from models.datasets.dataset import Dataset, GivenSplit, Recipe
from models.datasets.folders import locate_dataset
from models.errors import DataError
from models.prepared_data import CleaningStep, Description, PreparedData
from models.session_rule import SessionRule
from models.sessions import assign_sessions
from models.splitting import CutAtShare, Split, split_clicks
from models.timestamps import TimestampUnit

# Half an hour without a click ends a visit: the convention of web analytics.
SESSION_GAP_MS = 30 * 60_000
ChangeRecipe = Callable[[Recipe], Recipe]


def prepare_dataset(
    dataset: Dataset, data_folder: Path | None = None, change_recipe: ChangeRecipe | None = None
) -> PreparedData:
    """Read a data set and make it ready to train on.

    Args:
        dataset: One of `models.datasets.DATASETS`.
        data_folder: A folder of data sets that is looked at before `data/`.
        change_recipe: Turns the data set's own recipe for cleaning and splitting into another; None: leaves it.

    Raises:
        DataError: If its files are missing or cannot be read, nothing is left, or a given split is to be changed.
    """
    source = dataset.load(locate_dataset(dataset, data_folder))
    if isinstance(source, GivenSplit):
        if change_recipe is not None:
            raise DataError(f"{dataset.name} is a given split, made to compare by: it is never cleaned or cut further.")
        return prepare_given_split(dataset.name, source, exclude_seen=dataset.exclude_seen)
    recipe = source.recipe if change_recipe is None else change_recipe(source.recipe)
    return prepare_log(dataset.name, source.log, recipe, exclude_seen=dataset.exclude_seen, catalogue=source.catalogue)


def prepare_own_log(
    path: Path, columns: Columns, timestamp_unit: TimestampUnit, change_recipe: ChangeRecipe
) -> PreparedData:
    """Make anybody's click log ready to train on.

    Args:
        path: The log.
        columns: What it calls its columns.
        timestamp_unit: How it tells the time.
        change_recipe: Changes the recipe for a log that we know nothing about: sessions by their ids where it has a
            column of them, else by an idle gap of half an hour; the last tenth of the clicks tests.

    Raises:
        DataError: If the log cannot be read or nothing is left of it.
    """
    log = read_click_log(path, columns, timestamp_unit)
    rule = SessionRule(by_id=False, gap_ms=SESSION_GAP_MS) if columns.session is None else SessionRule(by_id=True)
    return prepare_log(path.name.split(".")[0], log, change_recipe(Recipe(rule, CutAtShare(0.9))))


def prepare_given_split(name: str, split: GivenSplit, *, exclude_seen: bool = False) -> PreparedData:
    """Take a split as it stands."""
    description = Description(name, split.session_rule, split.how, exclude_seen, cleaning=())
    return PreparedData(description, split.train, split.test, split.catalogue)


def prepare_log(
    name: str, log: ClickLog, recipe: Recipe, *, exclude_seen: bool = False, catalogue: pl.DataFrame | None = None
) -> PreparedData:
    """Clean a log, cut it into sessions, and split it.

    1. Drop clicks with impossible timestamps, then duplicates.
    2. Assign sessions.
    3. Drop immediate repeats.
    4. Split by time; drop rare items and short sessions.

    Args:
        name: The data set's name.
        log: The clicks as they were read.
        recipe: Which steps to take, when sessions begin, where to cut.
        exclude_seen: Whether lists leave out what the user has clicked already.
        catalogue: What is known about the items.

    Raises:
        DataError: If no click is left on one side of the cut.
    """
    cleaning, rule = recipe.cleaning, recipe.session_rule
    if rule == SessionRule(by_id=True) and log.clicks["session_id"].is_null().all():
        raise DataError(f"{name} names no sessions: let an idle gap end them, or let them never end.")
    clicks, steps = _drop_bad_clicks(log.clicks, cleaning)
    clicks = assign_sessions(clicks, rule)
    if cleaning.immediate_repeats:
        clicks, repeats = drop_immediate_repeats(clicks)
        # A gap is the time since the last click that is left.
        clicks = assign_sessions(clicks, rule)
        steps = (*steps, repeats)
    _refuse_if_empty(name, clicks, "click", (*log.malformed, *steps))
    split = split_clicks(
        clicks,
        recipe.cut,
        rule,
        min_item_clicks=cleaning.min_item_clicks,
        min_session_clicks=cleaning.min_session_clicks,
        keep_unknown_items=recipe.keep_unknown_items,
    )
    report = (*log.malformed, *steps, *split.steps)
    _refuse_if_empty(name, split.train, "training click", report)
    _refuse_if_empty(name, split.test, "test click", report)
    sentence = _split_sentence(split, keeps_unknown=recipe.keep_unknown_items)
    description = Description(name, rule, sentence, exclude_seen, report, split.protocol)
    return PreparedData(description, split.train, split.test, catalogue)


def _drop_bad_clicks(clicks: pl.DataFrame, cleaning: Cleaning) -> tuple[pl.DataFrame, tuple[CleaningStep, ...]]:
    steps: tuple[CleaningStep, ...] = ()
    if cleaning.impossible_timestamps:
        clicks, steps = drop_impossible_timestamps(clicks)
    if cleaning.duplicates:
        clicks, duplicates = drop_duplicates(clicks)
        steps = (*steps, duplicates)
    return clicks, steps


def _refuse_if_empty(name: str, clicks: pl.DataFrame, what: str, report: tuple[CleaningStep, ...]) -> None:
    if clicks.is_empty():
        worst = max(report, key=lambda step: step.dropped)
        raise DataError(
            f"No {what} of {name} is left. Most went in the step {worst.name!r}, which dropped {worst.dropped}: "
            f"{worst.reason}. Check the timestamp's unit and the cut, or ask for fewer clicks an item and a session."
        )


def _split_sentence(split: Split, *, keeps_unknown: bool) -> str:
    if split.cut_ms is None:
        return "Leave-last-out: the last click of every session of three or more tests, all others train."
    moment = datetime.fromtimestamp(split.cut_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    items = "items that train does not know included" if keeps_unknown else "and only items that train knows"
    return f"By time, at {moment} UTC: before it train, from it on test, {items}."
