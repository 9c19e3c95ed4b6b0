"""What a data set is: where its files lie, how they are read, and what they allow.

A data set is either a whole click log, which is cleaned, cut into sessions and split by us, or a split that others
made to compare models by, which is read as it stands and never cleaned further.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from models.session_rule import SessionRule


@dataclass(frozen=True)
class GivenSplit:
    """Train and test clicks that somebody else cut: `CLICK_SCHEMA`, in order of time, with session ids."""

    train: pl.DataFrame
    test: pl.DataFrame
    catalogue: pl.DataFrame | None
    how: str


@dataclass(frozen=True)
class Dataset:
    """A public data set that nextclick can read.

    Attributes:
        name: What `--dataset` says.
        what: One line for a person: who clicked what, how many.
        licence: What the owners allow.
        folder: The sub-folder of the data folder where its files lie.
        files: The files in it that `load` needs; a file may be gzipped, `.gz` is part of its name then.
        session_rule: When a session begins, in training and on the stream.
        exclude_seen: Whether lists leave out what the user has clicked already.
        load: Reads the files from that sub-folder.
    """

    name: str
    what: str
    licence: str
    folder: str
    files: tuple[str, ...]
    session_rule: SessionRule
    exclude_seen: bool
    load: Callable[[Path], GivenSplit]
