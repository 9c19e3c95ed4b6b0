"""Globo.com news clicks of October 2017: users, sessions, articles, one file an hour or a day, no titles.

Moreira, Ferreira and Cunha (2018); Moreira, Jannach and Cunha (2019). Some users go back and forth between two
sessions (323 of the 318,563 of the first four days). On a stream each return begins a session: they are numbered anew.
"""

from pathlib import Path

import polars as pl

from models.datasets.dataset import Dataset, Recipe, WholeLog
from models.preparation.click_log import ClickLog, Columns, read_click_log
from models.preparation.cuts import CutAtShare
from models.session_rule import SessionRule

FILES = "clicks_*.csv*"
LICENCE = "academic use only (Globo.com); not to be passed on"
HOW_TO_GET = (
    "it must be obtained from its owners (Kaggle: gspmoreira/news-portal-user-interactions-by-globocom), its hourly "
    "files clicks_hour_000.csv and so on put into globo-news-clicks/ in the data folder"
)
RECIPE = Recipe(session_rule=SessionRule(by_id=True), cut=CutAtShare(0.8, of="sessions"))
COLUMNS = Columns(
    user="user_id", item="click_article_id", timestamp="click_timestamp", session="session_id", event_type=None
)


def load(folder: Path) -> WholeLog:
    """Read all hours that are there, in the order of their names."""
    logs = [read_click_log(path, COLUMNS) for path in sorted(folder.glob(FILES))]
    clicks = pl.concat([log.clicks for log in logs])
    return WholeLog(ClickLog(clicks, tuple(step for log in logs for step in log.malformed)), None, RECIPE)


GLOBO_CLICKS = Dataset(
    name="globo-clicks",
    what="news, the hours that you have of 2,988,181 clicks, 322,897 users, 46,033 articles",
    licence=LICENCE,
    folder="globo-news-clicks",
    files=(FILES,),
    exclude_seen=False,
    load=load,
    how_to_get=HOW_TO_GET,
)
