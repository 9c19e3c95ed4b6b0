"""What prequential scoring is made of: a user's earlier clicks, and places in the popular list."""

import numpy as np

from export.artifact import Artifact
from export.popular_list import PopularList
from workers.prequential import PopularPlaces, earlier_clicks


def test_a_users_earlier_clicks_are_counted() -> None:
    """Users mixed; clicks without consent have none."""
    place, previous = earlier_clicks(np.array([7, 3, -1, 7, 7, -1, 3, 9]))
    assert place[[0, 1, 3, 4, 6, 7]].tolist() == [0, 0, 1, 2, 1, 0]
    assert previous.tolist() == [-1, -1, -1, 0, 3, -1, 1, -1]


def test_nobody_clicked_before() -> None:
    place, previous = earlier_clicks(np.array([], dtype=np.int64))
    assert len(place) == len(previous) == 0


def test_places_in_the_popular_list(tiny_artifact: Artifact) -> None:
    """Of 30 items, `item-00` first, ten are listed; what is left out lets others move up, named twice too."""
    places = PopularPlaces(tiny_artifact, np.zeros(30, np.float32))
    item = np.array([0, 9, 10, 29, -1])
    assert places.ranks(item, np.empty((5, 0), np.int32)).tolist() == [1, 10, 0, 0, 0]
    seen = np.array([[0, -1, -1], [3, 3, 4], [5, 5, -1], [-1, -1, -1], [0, 1, 2]], np.int32)
    assert places.ranks(item, seen).tolist() == [0, 8, 10, 0, 0]


def test_places_are_those_of_the_list(tiny_artifact: Artifact) -> None:
    """With a bias that changes the order and items that are not available."""
    random = np.random.default_rng(3)
    bias = random.normal(size=30).astype(np.float32)
    bias[[2, 11]] = -np.inf
    item, seen = random.integers(-1, 30, 500), random.integers(-1, 30, (500, 5)).astype(np.int32)
    top_item, top_score = PopularList(tiny_artifact, bias).rank(seen.astype(np.int64))
    lists = [items[np.isfinite(ranked)].tolist() for items, ranked in zip(top_item, top_score, strict=True)]
    expected = [items.index(one) + 1 if one in items else 0 for items, one in zip(lists, item.tolist(), strict=True)]
    assert PopularPlaces(tiny_artifact, bias).ranks(item, seen).tolist() == expected
    assert 100 < np.count_nonzero(expected) < 400
