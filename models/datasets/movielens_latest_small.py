"""MovieLens latest-small: 610 users, 9,724 rated movies, 100,836 ratings from 1996 to 2018."""

from collections.abc import Mapping
from pathlib import Path

from models.datasets.dataset import Dataset, WholeLog
from models.datasets.fetching import check, download, unzip
from models.datasets.movies import LICENCE, RECIPE, movie_catalogue
from models.preparation.click_log import Columns, read_click_log
from models.preparation.log_records import read_records

RATINGS, MOVIES = "ratings.csv", "movies.csv"
OFFICIAL = "https://files.grouplens.org/datasets/movielens/ml-latest-small.zip"
OFFICIAL_CHECKSUM = "696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436"


def load(folder: Path) -> WholeLog:
    """Read the ratings and the movies."""
    columns = Columns(user="userId", item="movieId", timestamp="timestamp", value="rating")
    log = read_click_log(folder / RATINGS, columns, "seconds")
    names = ("movieId", "title", "genres")
    movies = read_records(folder / MOVIES, names).table.select(names)
    catalogue = movie_catalogue((item or "", title or "", genres or "") for item, title, genres in movies.iter_rows())
    return WholeLog(log, catalogue, RECIPE)


def fetch_from_grouplens() -> Mapping[str, bytes]:
    """Read the files out of GroupLens' archive."""
    archive = check(download(OFFICIAL), OFFICIAL_CHECKSUM, OFFICIAL)
    return unzip(archive, {name: f"ml-latest-small/{name}" for name in (RATINGS, MOVIES)}, OFFICIAL)


MOVIELENS_LATEST_SMALL = Dataset(
    name="movielens-latest-small",
    what="movie ratings: 610 users, 9,724 movies, 100,836 ratings; titles and genres",
    licence=LICENCE,
    folder="movielens-latest-small",
    files=(RATINGS, MOVIES),
    exclude_seen=True,
    load=load,
    sources={"official": fetch_from_grouplens},
)
