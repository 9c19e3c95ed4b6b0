"""A data set ready to train on: what `nextclick data prepare` writes and `nextclick train` reads.

    prepared.json       name, session rule, split, and the cleaning report
    train.parquet       clicks before the cut, in order of time
    test.parquet        clicks after it
    catalogue.parquet   item_id, title, category, and whatever else the source has; only where it has one

Both click tables have the same columns, whatever the source:

    user_id       String      whose state the click advances
    session_id    String      sessions never span two users
    item_id       String
    timestamp_ms  Int64       milliseconds since 1970; equal times keep the source's order
    event_type    String      null where the source has none
    value         Float64     a rating, a dwell time; null where the source has none
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import polars as pl

from models.errors import DataError
from models.preparation.item_catalogue import as_catalogue
from models.preparation.step_config import NormalisationMethod, Step
from models.session_rule import SessionRule

CLICK_SCHEMA = pl.Schema(
    {
        "user_id": pl.String(),
        "session_id": pl.String(),
        "item_id": pl.String(),
        "timestamp_ms": pl.Int64(),
        "event_type": pl.String(),
        "value": pl.Float64(),
    }
)
PREPARED_FILE = "prepared.json"
CATALOGUE_FILE = "catalogue.parquet"
# A table this small is written from memory, whichever way it was made.
MOST_ROWS_IN_MEMORY = 1_000_000
ROWS_IN_GROUP = 131_072

EvaluationProtocol = Literal["session-clicks", "last-click"]
"""What a test predicts.

`session-clicks`: every click of a test session but its first, given the session's test clicks before it. `last-click`:
every test click, given all of its session, that is the training clicks, which are stepped through and not scored. In
leave-last-out data each user has one.
"""


class ValueScale(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What values were brought to: (value - centre) / scale, of log1p of the value where the method says so."""

    method: NormalisationMethod
    centre: float
    scale: float

    def original(self, normalised: float) -> float:
        """Return the value that a normalised one stands for."""
        value = normalised * self.scale + self.centre
        return math.expm1(value) if self.method == "log-standard" else value


class CleaningStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one step of the preparation did.

    Attributes:
        name: The step; `train: ` or `test: ` before it where it looked at that part of the split only.
        reason: Why such a click was dropped, or what was changed.
        dropped: Clicks that it dropped.
        kept: Clicks that were left.
        changed: Clicks that it left but changed.
    """

    name: str
    reason: str
    dropped: int
    kept: int
    changed: int = 0


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What `prepared.json` holds; what is as it is by default is left out.

    Attributes:
        name: The data set's name, `eshop` and the like.
        session_rule: When a session begins; the model and the worker follow it too.
        split: One sentence: where the cut lies and what follows from it.
        exclude_seen: Whether lists for this data should leave out what the user has clicked already.
        cleaning: The steps taken, in order.
        protocol: What the test predicts, and given what.
        steps: The configuration: the steps to take, with all their settings; none where a split was given.
        value_scale: What values were normalised to; None: they are the source's own.
    """

    name: str
    session_rule: SessionRule
    split: str
    exclude_seen: bool
    cleaning: tuple[CleaningStep, ...]
    protocol: EvaluationProtocol = "session-clicks"
    steps: tuple[Step, ...] = ()
    value_scale: ValueScale | None = None


@dataclass(frozen=True)
class PreparedData:
    """Train and test clicks in order of time, and the catalogue where there is one."""

    description: Description
    train: pl.DataFrame
    test: pl.DataFrame
    catalogue: pl.DataFrame | None

    @property
    def test_click_count(self) -> int:
        """How many test clicks there are."""
        return self.test.height

    @property
    def test_history(self) -> pl.DataFrame | None:
        """The clicks that test sessions are stepped through before any is predicted; None: they begin with nothing."""
        return self.train if self.test_has_history else None

    @property
    def test_has_history(self) -> bool:
        """Whether test sessions go on with training clicks."""
        return self.description.protocol == "last-click"

    def save(self, folder: Path) -> None:
        """Write the four files; `prepared.json` goes last, so that a folder that has it is whole."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PREPARED_FILE).unlink(missing_ok=True)
        write_clicks(self.train.lazy(), self.train.height, folder / "train.parquet")
        write_clicks(self.test.lazy(), self.test.height, folder / "test.parquet")
        write_catalogue(folder, self.catalogue)
        write_description(folder, self.description)


def write_clicks(clicks: pl.LazyFrame, count: int, path: Path) -> None:
    """Write a table of clicks, the same bytes whether it is in memory or scanned piece by piece.

    Args:
        clicks: `CLICK_SCHEMA`, in order of time.
        count: How many there are.
        path: The file.
    """
    if count <= MOST_ROWS_IN_MEMORY:
        clicks.collect().write_parquet(path)
    else:
        # Left to itself Polars forms row groups after the pieces that it is given.
        clicks.sink_parquet(path, row_group_size=ROWS_IN_GROUP, maintain_order=True)


def write_catalogue(folder: Path, catalogue: pl.DataFrame | None) -> None:
    """Write what is known of the items; where nothing is, no older catalogue stays behind."""
    path = folder / CATALOGUE_FILE
    if catalogue is None:
        path.unlink(missing_ok=True)
    else:
        catalogue.write_parquet(path)


def write_description(folder: Path, description: Description) -> None:
    """Write `prepared.json`, the last of the files."""
    encoded = msgspec.json.format(msgspec.json.encode(description), indent=2)
    (folder / PREPARED_FILE).write_bytes(encoded + b"\n")


def load_prepared_data(folder: Path) -> PreparedData:
    """Read what `PreparedData.save` wrote.

    Raises:
        DataError: If the folder is missing, incomplete, or its tables have other columns.
    """
    description = load_description(folder)
    try:
        train, test = (pl.read_parquet(folder / f"{part}.parquet") for part in ("train", "test"))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(_unreadable(folder, error)) from error
    for part, table in (("train", train), ("test", test)):
        if table.schema != CLICK_SCHEMA:
            raise DataError(
                f"{folder / part}.parquet has the columns {table.schema}, not {CLICK_SCHEMA}: prepare it again."
            )
    return PreparedData(description, train, test, load_catalogue(folder))


def load_description(folder: Path) -> Description:
    """Read `prepared.json`.

    Raises:
        DataError: If it is missing or damaged.
    """
    path = folder / PREPARED_FILE
    if not path.is_file():
        raise DataError(f"There is no prepared data at {folder}: make some with `nextclick data prepare`.")
    try:
        return msgspec.json.decode(path.read_bytes(), type=Description)
    except (msgspec.DecodeError, OSError) as error:
        raise DataError(_unreadable(folder, error)) from error


def load_catalogue(folder: Path) -> pl.DataFrame | None:
    """Read what is known of the items; None where nothing is.

    Raises:
        DataError: If it cannot be read, or is no catalogue.
    """
    path = folder / CATALOGUE_FILE
    if not path.is_file():
        return None
    try:
        return as_catalogue(pl.read_parquet(path), path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(_unreadable(folder, error)) from error


def _unreadable(folder: Path, error: Exception) -> str:
    return f"{folder} does not hold prepared data ({error}): run `nextclick data prepare` again."
