"""From a data set's files, or one's own click log, to `PreparedData`."""

from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from models.datasets.dataset import Dataset, GivenSplit, Recipe
from models.datasets.folders import locate_dataset
from models.errors import DataError
from models.preparation.click_log import ClickLog, Columns, read_click_log
from models.preparation.click_parts import ClicksInMemory, among
from models.preparation.cuts import CutAtShare
from models.preparation.item_catalogue import catalogue_coverage
from models.preparation.prepared_data import CLICK_SCHEMA, Description, PreparedData
from models.preparation.step_config import Step, UnknownItems
from models.preparation.steps import Preparing, take_steps
from models.preparation.timestamps import TimestampUnit
from models.session_rule import SessionRule

# Half an hour without a click ends a visit: the convention of web analytics.
SESSION_GAP_MS = 30 * 60_000
ChangeRecipe = Callable[[Recipe], Recipe]


def prepare_dataset(
    dataset: Dataset,
    data_folder: Path | None = None,
    change_recipe: ChangeRecipe | None = None,
    steps: Sequence[Step] | None = None,
) -> PreparedData:
    """Read a data set and make it ready to train on.

    Args:
        dataset: One of `models.datasets.DATASETS`.
        data_folder: A folder of data sets that is looked at before `data/`.
        change_recipe: Turns the data set's own recipe for cleaning and splitting into another; None: leaves it.
        steps: What to do in place of the recipe; None: what the recipe says.

    Raises:
        DataError: If its files are missing or cannot be read, nothing is left, or a given split is to be changed.
    """
    source = dataset.load(locate_dataset(dataset, data_folder))
    if isinstance(source, GivenSplit):
        if change_recipe is not None or steps is not None:
            raise DataError(f"{dataset.name} is a given split, made to compare by: it is never cleaned or cut further.")
        return prepare_given_split(dataset.name, source, exclude_seen=dataset.exclude_seen)
    recipe = source.recipe if change_recipe is None else change_recipe(source.recipe)
    return prepare_by_steps(
        dataset.name,
        source.log,
        recipe.steps() if steps is None else steps,
        exclude_seen=dataset.exclude_seen,
        catalogue=source.catalogue,
    )


def prepare_own_log(
    path: Path,
    columns: Columns,
    timestamp_unit: TimestampUnit,
    change_recipe: ChangeRecipe,
    steps: Sequence[Step] | None = None,
    *,
    catalogue: pl.DataFrame | None = None,
) -> PreparedData:
    """Make anybody's click log ready to train on.

    Args:
        path: The log.
        columns: What it calls its columns.
        timestamp_unit: How it tells the time.
        change_recipe: Changes the recipe for a log that we know nothing about: sessions by their ids where it has a
            column of them, else by an idle gap of half an hour; the last tenth of the clicks tests.
        steps: What to do in place of the recipe; None: what the recipe says.
        catalogue: What is known of the items.

    Raises:
        DataError: If the log cannot be read, nothing is left of it, or the catalogue describes none of its items.
    """
    log = read_click_log(path, columns, timestamp_unit)
    taken = own_steps(columns, change_recipe) if steps is None else steps
    prepared = prepare_by_steps(path.name.split(".")[0], log, taken, catalogue=catalogue)
    if catalogue is not None:
        catalogue_coverage(catalogue, prepared.train.lazy())
    return prepared


def own_steps(columns: Columns, change_recipe: ChangeRecipe) -> tuple[Step, ...]:
    """Return the steps for a log that we know nothing about, as `change_recipe` changes them."""
    rule = SessionRule(by_id=False, gap_ms=SESSION_GAP_MS) if columns.session is None else SessionRule(by_id=True)
    return change_recipe(Recipe(rule, CutAtShare(0.9))).steps()


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
    4. Split by time; drop rare items and short sessions. Or drop these, and leave every last click out.

    Args:
        name: The data set's name.
        log: The clicks as they were read.
        recipe: Which steps to take, when sessions begin, where to cut.
        exclude_seen: Whether lists leave out what the user has clicked already.
        catalogue: What is known about the items.

    Raises:
        DataError: If no click is left on one side of the cut.
    """
    return prepare_by_steps(name, log, recipe.steps(), exclude_seen=exclude_seen, catalogue=catalogue)


def prepare_by_steps(
    name: str,
    log: ClickLog,
    steps: Sequence[Step],
    *,
    exclude_seen: bool = False,
    catalogue: pl.DataFrame | None = None,
) -> PreparedData:
    """Take configured steps; the arguments are those of `prepare_log`.

    Raises:
        DataError: If no click is left on one side of the cut.
    """
    taken = take_steps(Preparing(name, ClicksInMemory.of_log(log.clicks), log.malformed), steps)
    (clicks,) = taken.clicks
    train, test = (clicks.filter(among(part)).select(CLICK_SCHEMA.names()) for part in ("train", "test"))
    return PreparedData(describe(taken, steps, exclude_seen=exclude_seen), train, test, catalogue)


def describe(taken: Preparing, steps: Sequence[Step], *, exclude_seen: bool) -> Description:
    """Return what `prepared.json` says of a log that is ready."""
    if taken.rule is None or taken.split is None:
        raise DataError(f"{taken.name} is not ready: its steps assign no sessions, or split nothing.")
    sentence = taken.split
    if taken.protocol == "session-clicks":
        knows_all = any(isinstance(step, UnknownItems) for step in steps)
        sentence += ", and only items that train knows." if knows_all else ", items that train does not know included."
    return Description(
        name=taken.name,
        session_rule=taken.rule,
        split=sentence,
        exclude_seen=exclude_seen,
        cleaning=taken.report,
        protocol=taken.protocol,
        steps=tuple(steps),
        value_scale=taken.value_scale,
    )
