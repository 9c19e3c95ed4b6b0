"""Searching the catalogue."""

import polars as pl
import pytest

from nextclick.page.items import ItemSearch


class Shelf:
    """Stands for an artifact: the search looks at its table alone."""

    items = pl.DataFrame(
        {
            "item_id": ["1", "2", "3", "4"],
            "popularity": [10, 50, 30, 20],
            "title": ["Alien (1979)", "Aliens (1986)", "My Favourite Alien", None],
            "category": ["Horror", "Action", "Comedy", None],
        }
    )


@pytest.fixture
def search() -> ItemSearch:
    return ItemSearch(Shelf())  # type: ignore[arg-type]


def found(search: ItemSearch, text: str, category: str | None = None) -> list[str]:
    return [item.item_id for item in search.find(text, category)]


def test_titles_that_begin_so_come_first_then_the_popular(search: ItemSearch) -> None:
    """`alien` is within three titles, two of which begin with it."""
    assert found(search, " ALIEN ") == ["2", "1", "3"]


def test_every_word_has_to_be_there(search: ItemSearch) -> None:
    """In any order; nothing typed finds everything, the most popular first; no title: the id is searched."""
    assert found(search, "1979 alien") == ["1"]
    assert found(search, "") == ["2", "3", "4", "1"]
    assert found(search, "4") == ["4"]


def test_a_category_narrows_it_down(search: ItemSearch) -> None:
    """One category, and an item that the catalogue does not hold is called by its id."""
    assert found(search, "alien", "Comedy") == ["3"]
    assert sorted(search.categories) == ["Action", "Comedy", "Horror"]
    assert (search.item("77").title, "77" in search, "1" in search) == ("77", False, True)
