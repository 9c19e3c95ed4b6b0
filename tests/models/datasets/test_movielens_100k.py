import io
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from models.datasets import movielens_100k
from models.datasets.movielens_100k import fetch_from_grouplens, fetch_from_package_index, load
from models.errors import DataError
from models.session_rule import SessionRule

RATINGS = (
    "user_id:token\titem_id:token\trating:float\ttimestamp:float\n196\t242\t3\t881250949\n186\t302\t4\t891717742\n"
)
MOVIES = (
    "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
    "242\tKolya\t1996\tComedy\n"
    "302\tL.A. Confidential\t1997\tCrime Film-Noir Mystery Thriller\n"
    "267\tunkonwn\tunkonwn\tunknown\n"
    "1412\tLand Before Time III: The Time of the Great Giving (1995)\tV\tAnimation Children's\n"
    "543\tMisérables, Les\t1995\tDrama Musical\n"
)
OFFICIAL_MOVIES = (
    "242|Kolya (1996)|24-Jan-1997||http://us.imdb.com/M/title-exact?Kolya%20(1996)|0|0|0|0|0|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
    "302|L.A. Confidential (1997)|01-Jan-1997||http://us.imdb.com|0|0|0|0|0|0|1|0|0|0|1|0|0|1|0|0|1|0|0\n"
    "267|unknown||||1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
    "1412|Land Before Time III: The Time of the Great Giving (1995) (V)|01-Jan-1995||"
    "http://us.imdb.com|0|0|0|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
    "543|Misérables, Les (1995)|01-Jan-1995||http://us.imdb.com|0|0|0|0|0|0|0|0|1|0|0|0|1|0|0|0|0|0|0\n"
)


def zipped(files: Mapping[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writing:
        for name, content in files.items():
            writing.writestr(name, content)
    return archive.getvalue()


def write(folder: Path, contents: Mapping[str, bytes]) -> Path:
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def test_ratings_become_clicks_and_movies_have_titles(tmp_path: Path) -> None:
    """The stars are the click's value; titles carry their year again, and their accents."""
    write(tmp_path, {"ml-100k.inter": RATINGS.encode(), "ml-100k.item": MOVIES.encode()})
    source = load(tmp_path)
    assert source.log.clicks.rows() == [
        ("196", None, "242", 881250949000, None, 3.0),
        ("186", None, "302", 891717742000, None, 4.0),
    ]
    assert source.catalogue is not None
    assert source.catalogue.drop("attributes").rows() == [
        ("242", "Kolya (1996)", "Comedy", 1996, "Comedy"),
        ("302", "L.A. Confidential (1997)", "Crime", 1997, "Crime|Film-Noir|Mystery|Thriller"),
        ("267", "unknown", None, None, None),
        (
            "1412",
            "Land Before Time III: The Time of the Great Giving (1995)",
            "Animation",
            1995,
            "Animation|Children's",
        ),
        ("543", "Misérables, Les (1995)", "Drama", 1995, "Drama|Musical"),
    ]
    assert source.recipe.session_rule == SessionRule(by_id=False, gap_ms=None)


def test_both_sources_give_the_same_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GroupLens' archive, in Latin-1 and with genres as flags, is brought into the form of RecBole's wheel."""
    archive = zipped(
        {
            "ml-100k/u.data": RATINGS.split("\n", 1)[1].encode(),
            "ml-100k/u.item": OFFICIAL_MOVIES.encode("latin-1"),
        }
    )
    monkeypatch.setattr(movielens_100k, "download", lambda _: archive)
    monkeypatch.setattr(movielens_100k, "OFFICIAL_CHECKSUM", sha256(archive).hexdigest())
    contents = fetch_from_grouplens()
    assert contents["ml-100k.inter"].decode() == RATINGS
    official = load(write(tmp_path, contents))
    write(tmp_path, {"ml-100k.item": MOVIES.encode()})
    packaged = load(tmp_path)
    assert official.catalogue is not None
    assert packaged.catalogue is not None
    # RecBole lost the (V) of video.
    same = official.catalogue.with_columns(title=official.catalogue["title"].str.strip_suffix(" (V)"))
    assert same.equals(packaged.catalogue)


def test_archive_with_another_checksum_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not the file that we know is never written."""
    monkeypatch.setattr(movielens_100k, "download", lambda _: b"something else")
    with pytest.raises(DataError, match="has the SHA-256"):
        fetch_from_grouplens()


def test_wheel_with_other_ratings_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel's own files are checked, not the wheel: an index may build it anew."""
    prefix = "recbole/dataset_example/ml-100k/ml-100k"
    wheel = zipped({f"{prefix}.inter": RATINGS.encode(), f"{prefix}.item": MOVIES.encode()})
    monkeypatch.setattr(movielens_100k, "download_wheel", lambda _: wheel)
    with pytest.raises(DataError, match=r"ml-100k\.inter in recbole==1\.2\.1 has the SHA-256"):
        fetch_from_package_index()


def test_real_wheel_holds_the_known_files(tmp_path: Path) -> None:
    """The package index really has the wheel, and the wheel really has 100,000 ratings of 943 users."""
    try:
        contents = fetch_from_package_index()
    except DataError as error:
        if "pip cannot download" in str(error):
            pytest.skip(f"no package index: {error}")
        raise
    source = load(write(tmp_path, contents))
    assert source.log.clicks.height == 100_000
    assert source.log.clicks["user_id"].n_unique() == 943
    assert source.catalogue is not None
    assert source.catalogue.height == 1_682
    # The catalogue has titles for all, and years for all but "unknown".
    assert source.catalogue.null_count().select("title", "year").row(0) == (0, 1)
