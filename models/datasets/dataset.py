"""What a data set is: where its files lie, how they are read, and what they allow.

A data set is either a whole log, which is cleaned, cut into sessions and split by us, or a split that others made to
compare models by, which is read as it stands and never cleaned further.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from models.preparation.cleaning import Cleaning
from models.preparation.click_log import ClickLog
from models.preparation.cuts import Cut, CutAt, CutAtShare, LeaveLastOut
from models.preparation.step_config import (
    Duplicates,
    ImmediateRepeats,
    ImpossibleTimestamps,
    RareItems,
    Sessions,
    ShortSessions,
    SplitAt,
    SplitAtShare,
    SplitLastOut,
    Step,
    UnknownItems,
)
from models.session_rule import SessionRule

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Recipe:
    """How a whole log becomes train and test clicks.

    Attributes:
        session_rule: When a session begins, in training and on the stream.
        cut: What lies between train and test.
        cleaning: The steps to take.
        keep_unknown_items: Whether test clicks on items that no training click is on stay. They are misses, except for
            a model that knows an item by what its catalogue says of it.
    """

    session_rule: SessionRule
    cut: Cut
    cleaning: Cleaning = field(default_factory=Cleaning)
    keep_unknown_items: bool = False

    def steps(self) -> tuple[Step, ...]:
        """Return the same as steps, in the order in which they are taken."""
        cleaning, rule = self.cleaning, self.session_rule
        rare = (RareItems(cleaning.min_item_clicks),) if cleaning.min_item_clicks > 1 else ()
        short, short_in_test = (
            (ShortSessions(cleaning.min_session_clicks, part),) if cleaning.min_session_clicks > 1 else ()
            for part in ("train", "test")
        )
        before = (
            *((ImpossibleTimestamps(),) if cleaning.impossible_timestamps else ()),
            *((Duplicates(),) if cleaning.duplicates else ()),
            Sessions(rule.by_id, rule.gap_ms),
            *((ImmediateRepeats(),) if cleaning.immediate_repeats else ()),
        )
        match self.cut:
            case LeaveLastOut():
                return (*before, *rare, *short, SplitLastOut())
            case CutAt(timestamp_ms=timestamp_ms):
                split: Step = SplitAt(EPOCH + timedelta(milliseconds=timestamp_ms))
            case CutAtShare(share=share, of=of):
                split = SplitAtShare(share, of)
        unknown = () if self.keep_unknown_items else (UnknownItems(),)
        return (*before, split, *rare, *short, *unknown, *short_in_test)


@dataclass(frozen=True)
class WholeLog:
    """A log as its owner wrote it, and the catalogue where there is one (`item_id`, `title`, `category`, ...)."""

    log: ClickLog
    catalogue: pl.DataFrame | None
    recipe: Recipe


@dataclass(frozen=True)
class GivenSplit:
    """Train and test clicks that somebody else cut: `CLICK_SCHEMA`, in order of time, with session ids.

    Attributes:
        train: The clicks to train on.
        test: The clicks to test on.
        catalogue: `item_id`, `title`, `category`, ..., where there is one.
        session_rule: When a session begins.
        how: One sentence: how the split was cut.
    """

    train: pl.DataFrame
    test: pl.DataFrame
    catalogue: pl.DataFrame | None
    session_rule: SessionRule
    how: str


Fetch = Callable[[], Mapping[str, bytes]]
"""Gets a data set's files from a source and checks them: the name of each file, and what is in it."""


@dataclass(frozen=True)
class Dataset:
    """A public data set that nextclick can read.

    Attributes:
        name: What `--dataset` says.
        what: One line for a person: who clicked what, how many.
        licence: What the owners allow.
        folder: The sub-folder of the data folder where its files lie.
        files: Patterns; the data set is here when each matches a file in that sub-folder.
        exclude_seen: Whether lists leave out what the user has clicked already.
        load: Reads the files from that sub-folder.
        sources: Where `nextclick data fetch` gets them, the first by default; none where the owners must be asked.
        how_to_get: What a person does where nothing can be fetched.
    """

    name: str
    what: str
    licence: str
    folder: str
    files: tuple[str, ...]
    exclude_seen: bool
    load: Callable[[Path], WholeLog | GivenSplit]
    sources: Mapping[str, Fetch] = field(default_factory=dict)
    how_to_get: str = ""
