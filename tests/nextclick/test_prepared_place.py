from pathlib import Path

import pytest

from nextclick.prepared_place import prepared_place


@pytest.mark.parametrize(
    ("there", "place"),
    [
        (["shop/prepared.json"], "shop"),
        (["ready/shop/prepared.json"], "ready/shop"),
        (["shop/prepared.json", "ready/shop/prepared.json"], "shop"),
        (["shop/train.parquet", "ready/shop/prepared.json"], "ready/shop"),
        (["shop/train.parquet"], "shop"),
        ([], "ready/shop"),
    ],
)
def test_a_data_set_is_a_folder_or_the_name_of_one(
    there: list[str], place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is prepared comes first; where nothing is, the folder that the user has named, if there is one."""
    monkeypatch.chdir(tmp_path)
    for file in map(Path, there):
        file.parent.mkdir(parents=True)
        file.touch()
    assert prepared_place("shop", Path("ready")) == Path(place)
