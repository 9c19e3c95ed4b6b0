import io
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from models.datasets import movielens_latest_small
from models.datasets.movielens_latest_small import fetch_from_grouplens, load

RATINGS = b"userId,movieId,rating,timestamp\n1,47,4.5,964983815\n1,3168,4.0,964982495 \n"
MOVIES = b'movieId,title,genres\n47,Seven (a.k.a. Se7en) (1995),Mystery|Thriller\n3168,"Easy Rider, The (1969)",Drama\n'


def test_archive_is_fetched_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quoted titles, half stars and a blank after a timestamp are read as what they are."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writing:
        writing.writestr("ml-latest-small/ratings.csv", RATINGS)
        writing.writestr("ml-latest-small/movies.csv", MOVIES)
    monkeypatch.setattr(movielens_latest_small, "download", lambda _: archive.getvalue())
    monkeypatch.setattr(movielens_latest_small, "OFFICIAL_CHECKSUM", sha256(archive.getvalue()).hexdigest())
    for name, content in fetch_from_grouplens().items():
        (tmp_path / name).write_bytes(content)
    source = load(tmp_path)
    assert source.log.clicks.rows() == [
        ("1", None, "47", 964983815000, None, 4.5),
        ("1", None, "3168", 964982495000, None, 4.0),
    ]
    assert source.catalogue is not None
    # Mystery and Thriller, not Drama; the year is nearest to 1995, the 15th of the years along which it is measured.
    (seven, _) = source.catalogue["attributes"].to_list()
    assert seven[:3] == [0.0, 1.0, 1.0]
    assert max(range(3, len(seven)), key=seven.__getitem__) - 3 == 15
    assert source.catalogue.drop("attributes").rows() == [
        ("47", "Seven (a.k.a. Se7en) (1995)", "Mystery", 1995, "Mystery|Thriller"),
        ("3168", "Easy Rider, The (1969)", "Drama", 1969, "Drama"),
    ]
