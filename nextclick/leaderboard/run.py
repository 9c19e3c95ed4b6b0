"""A leaderboard, entry by entry.

1. Load each data set, or prepare it.
2. Take over every result that a run before left and that would come out the same.
3. Make the others, one after the other; each is kept as soon as it is there.
4. What fails is said at the end: it costs no other entry.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

import torch
from rich.console import Console

from models.datasets import DATASETS, dataset_named
from models.errors import DataError, NextclickError, SettingsError
from models.preparation.prepared_data import PREPARED_FILE, PreparedData, load_prepared_data
from models.preparation.preparing import prepare_dataset
from nextclick.leaderboard.configuration import Entry, LeaderboardConfig
from nextclick.leaderboard.keys import data_digest
from nextclick.leaderboard.making import Workshop
from nextclick.leaderboard.networks import Networks
from nextclick.leaderboard.results import Measured, ResultStore


@dataclass(frozen=True)
class Selection:
    """Which entries are made anew.

    Attributes:
        only: Patterns of `dataset`, `model` or `dataset/model`, `*` for anything; none: all.
        fresh: Whether what a run before left is made again.
    """

    only: tuple[str, ...] = ()
    fresh: bool = False

    def takes(self, entry: Entry) -> bool:
        """Whether the entry may be trained; what is there already is shown all the same."""
        names = (entry.dataset, entry.name, f"{entry.dataset}/{entry.name}", str(entry))
        return not self.only or any(fnmatchcase(name, pattern) for pattern in self.only for name in names)

    def require_entries(self, entries: Sequence[Entry]) -> None:
        """Check that every pattern takes something: a misspelt one would look like a run that had nothing to do.

        Raises:
            SettingsError: If one takes nothing.
        """
        for pattern in self.only:
            if not any(Selection((pattern,)).takes(entry) for entry in entries):
                known = ", ".join(dict.fromkeys(f"{entry.dataset}/{entry.name}" for entry in entries))
                raise SettingsError(f"--only {pattern} takes nothing of this leaderboard: it has {known}.")


@dataclass(frozen=True)
class Outcome:
    """What came of the entries.

    Attributes:
        measured: In the order of the configuration.
        failures: Those that failed, and why.
        missing: Those that were not selected and have not been made before.
    """

    measured: tuple[tuple[Entry, Measured], ...]
    failures: tuple[tuple[Entry, str], ...]
    missing: tuple[Entry, ...]


@dataclass(frozen=True)
class DataSource:
    """One data set, loaded when it is first needed.

    Attributes:
        name: Its name.
        prepared_folder: Where the prepared data sets lie.
        data_folder: A folder of data sets to prepare it from.
    """

    name: str
    prepared_folder: Path
    data_folder: Path | None

    @property
    def is_prepared(self) -> bool:
        """Whether it can be loaded without being prepared."""
        return (self.prepared_folder / self.name / PREPARED_FILE).is_file()

    @cached_property
    def data(self) -> PreparedData:
        """The data set, prepared now where it was not."""
        folder = self.prepared_folder / self.name
        if not self.is_prepared:
            if self.name not in DATASETS:
                raise DataError(
                    f"{self.name} is no public data set, and not prepared at {folder}: make it ready with `nextclick "
                    f"data prepare --log ... --out {folder}`."
                )
            prepare_dataset(dataset_named(self.name), self.data_folder).save(folder)
        return load_prepared_data(folder)

    @cached_property
    def digest(self) -> str:
        """What tells it from others."""
        return data_digest(self.data)


def run_leaderboard(
    config: LeaderboardConfig,
    selection: Selection,
    *,
    cache: Path,
    prepared_folder: Path,
    data_folder: Path | None,
    console: Console,
    device: torch.device,
) -> Outcome:
    """Make what is missing of a leaderboard, and return all of it.

    Args:
        config: What is compared.
        selection: Which entries are made anew.
        cache: Where checkpoints, artifacts and results are kept.
        prepared_folder: Where the prepared data sets lie.
        data_folder: A folder of data sets that is looked at where one is not prepared yet.
        console: Where progress goes.
        device: Where networks learn.

    Raises:
        SettingsError: If the configuration names an entry twice, or a pattern none.
    """
    selection.require_entries(config.entries())
    store = ResultStore(cache / "results")
    networks = Networks(cache / "networks", console, device)
    workshop = Workshop(networks, console, config.resamples, config.bootstrap_seed)
    sources = {
        name: DataSource(name, prepared_folder, data_folder)
        for name in dict.fromkeys(entry.dataset for entry in config.entries())
    }
    measured, failures, missing = [], [], []
    for entry in config.entries():
        try:
            found = _kept_or_made(entry, sources[entry.dataset], selection, workshop, store)
        except NextclickError as error:
            failures.append((entry, str(error)))
            console.print(f"{entry} failed: {error}", highlight=False, markup=False)
            continue
        if found is None:
            missing.append(entry)
        else:
            measured.append((entry, found))
    return Outcome(tuple(measured), tuple(failures), tuple(missing))


def _kept_or_made(
    entry: Entry, source: DataSource, selection: Selection, workshop: Workshop, store: ResultStore
) -> Measured | None:
    selected = selection.takes(entry)
    if not selected and not source.is_prepared:
        return None
    key = workshop.key(entry, source.digest)
    if selected and selection.fresh:
        workshop.forget(entry, source.digest)
    else:
        kept = store.load(key)
        if kept is not None or not selected:
            return kept
    workshop.console.print(f"{entry} ...", highlight=False)
    measured = workshop.make(entry, source.data, source.digest)
    store.save(key, measured)
    return measured
