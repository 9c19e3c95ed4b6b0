"""Data sets of histories: one user a line, his items in order of time and no times; leave-last-out.

A user's whole history is one session. A click's place in it stands for its time, so that all users begin together: a
time in such data orders one user's clicks and says nothing between two. Where items are numbered by first appearance,
the number itself must not become a feature.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from models.datasets.dataset import Recipe, WholeLog
from models.errors import DataError
from models.preparation.cleaning import Cleaning
from models.preparation.click_log import ClickLog
from models.preparation.cuts import LeaveLastOut
from models.preparation.prepared_data import CLICK_SCHEMA
from models.preparation.timestamps import ORDER_START_MS
from models.session_rule import SessionRule

RECIPE = Recipe(
    session_rule=SessionRule(by_id=False, gap_ms=None),
    cut=LeaveLastOut(),
    # Such sets are there to compare by: they come cleaned, and nothing of them may go.
    cleaning=Cleaning(impossible_timestamps=False, duplicates=False, min_item_clicks=1, min_session_clicks=1),
)


def load_histories(path: Path, catalogue: pl.DataFrame | None) -> WholeLog:
    """Read `user item item ...`, blanks between.

    Raises:
        DataError: If a line is no history.
    """
    clicks = pl.DataFrame(list(_clicks(path)), schema=CLICK_SCHEMA, orient="row")
    return WholeLog(ClickLog(clicks, malformed=()), catalogue, RECIPE)


def _clicks(path: Path) -> Iterator[tuple[str, None, str, int, None, None]]:
    for line, text in enumerate(path.read_text("utf-8").splitlines(), start=1):
        user, *items = text.split() or [""]
        if not items:
            raise DataError(f"{path}, line {line}, is no user with items: {text!r}. Fetch it again.")
        for position, item in enumerate(items):
            yield user, None, item, ORDER_START_MS + position, None, None
