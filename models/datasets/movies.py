"""What the MovieLens data sets share: ratings become clicks, and movies have titles, years and genres.

A rating is a click whatever its stars, as MovieLens users rate what they have seen; the stars stay in `value`. A
user's whole history is one session: the order of ratings says something for weeks.
"""

from collections.abc import Iterable

import numpy as np
import polars as pl

from models.datasets.dataset import Recipe
from models.preparation.cleaning import Cleaning
from models.preparation.cuts import CutAtShare
from models.session_rule import SessionRule

LICENCE = "GroupLens: research, no commercial use, acknowledge"
RECIPE = Recipe(
    session_rule=SessionRule(by_id=False, gap_ms=None),
    cut=CutAtShare(0.9, of="clicks"),
    cleaning=Cleaning(min_item_clicks=5, min_session_clicks=2),
)
# 1995, or the first year of a series (2006-2007, with a hyphen or a dash).
_YEAR = r"\((\d{4})(?:[-\x{2013}]\d{0,4})?\)(?: \([A-Z]+\))?$"


# Years as numbers that a projection can compare: how near a film's year lies to each of these.
_YEAR_CENTRES = np.arange(1920, 2025, 5)
_YEAR_WIDTH = 5.0


def movie_catalogue(movies: Iterable[tuple[str, str, str]]) -> pl.DataFrame:
    """Build a catalogue of movies.

    Args:
        movies: Item id, title with its year in parentheses where it has one, genres separated by "|".

    Returns:
        item_id, title, category (the first genre; null where there is none), year (Int64 or null), genres, attributes
        (genres and year as numbers, for networks that read items).
    """
    schema = {"item_id": pl.String(), "title": pl.String(), "genres": pl.String()}
    table = pl.DataFrame(list(movies), schema=schema, orient="row")
    title = pl.col("title").str.strip_chars()
    genres = pl.when(~pl.col("genres").is_in(["", "(no genres listed)", "unknown"])).then(pl.col("genres"))
    catalogue = table.select(
        "item_id",
        title=title,
        category=genres.str.split("|").list.first(),
        year=title.str.extract(_YEAR).cast(pl.Int64),
        genres=genres,
    )
    return catalogue.with_columns(attributes=_attributes(catalogue["genres"], catalogue["year"]))


def _attributes(genres: pl.Series, year: pl.Series) -> pl.Series:
    """Return a list of numbers a film: 1 for each genre that it has, and Gaussian bumps along the years.

    A year as a word would be unknown for every film of a year after training; a bump is shared with its neighbours.
    """
    of_films = [frozenset((text or "").split("|")) - {""} for text in genres]
    occurring = sorted(frozenset().union(*of_films))
    rows = [
        [*(float(genre in of_film) for genre in occurring), *_nearness(released)]
        for of_film, released in zip(of_films, year, strict=True)
    ]
    return pl.Series(rows, dtype=pl.List(pl.Float64))


def _nearness(year: int | None) -> list[float]:
    if year is None:
        return [0.0] * len(_YEAR_CENTRES)
    nearness: list[float] = np.exp(-(((year - _YEAR_CENTRES) / _YEAR_WIDTH) ** 2) / 2).round(4).tolist()
    return nearness
