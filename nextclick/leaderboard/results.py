"""What was measured of one model on one data set, and where it is kept: a crash, or a new row, costs no other row."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.errors import DataError
from models.evaluation.metric_intervals import Interval
from nextclick.comparison.output_files import write_whole


class Result(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was measured.

    Attributes:
        dataset: On which data.
        model: What the leaderboard calls it.
        kind: What it is: `lstm`, `session_knn`, ...
        seed: Of its training.
        figures: Every figure by name: `Recall@20` and so on with 95 % intervals, and what it costs.
        predictions: How many clicks, or ratings, were predicted.
        sessions: How many sessions, or users, they come from.
        machine: Where it was trained and measured, with the libraries.
        day: When it was measured, in UTC, as 2026-01-31.
        model_id: Of the artifact; None where there is none.
    """

    dataset: str
    model: str
    kind: str
    seed: int
    figures: dict[str, Interval]
    predictions: int
    sessions: int
    machine: str
    day: str
    model_id: str | None = None


@dataclass(frozen=True)
class Ranks:
    """The ranks behind a result, prediction by prediction: two models' can be paired.

    Attributes:
        session: Whose click was predicted, (P,).
        ranks: Of the targets, (P,).
    """

    session: NDArray[np.int64]
    ranks: NDArray[np.int64]


@dataclass(frozen=True)
class Measured:
    """A result and its ranks; models of ratings have none."""

    result: Result
    ranks: Ranks | None


class ResultStore:
    """A folder of results, a file or two each, by their keys.

    Args:
        folder: Made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, key: str) -> Measured | None:
        """Return the result that was kept under this key, or None."""
        path = self._folder / f"{key}.json"
        if not path.is_file():
            return None
        try:
            result = msgspec.json.decode(path.read_bytes(), type=Result)
            return Measured(result, _read_ranks(path.with_suffix(".npz")))
        except (msgspec.DecodeError, OSError, KeyError, ValueError) as error:
            raise DataError(f"{path} is damaged ({error}): remove it, or run with --fresh.") from error

    def save(self, key: str, measured: Measured) -> None:
        """Keep a result; its file gets its name last."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if measured.ranks is not None:
            with (self._folder / f"{key}.npz").open("wb") as file:
                np.savez_compressed(file, session=measured.ranks.session, ranks=measured.ranks.ranks)
        encoded = msgspec.json.format(msgspec.json.encode(measured.result), indent=2)
        write_whole(self._folder / f"{key}.json", encoded + b"\n", force=True)


def _read_ranks(path: Path) -> Ranks | None:
    if not path.is_file():
        return None
    with np.load(path) as arrays:
        return Ranks(arrays["session"], arrays["ranks"])
