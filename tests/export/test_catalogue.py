import polars as pl
import pytest

from export.catalogue import Catalogue
from models.errors import CatalogueError


@pytest.fixture
def catalogue() -> Catalogue:
    """A few films, two of the same name, one without a title."""
    return Catalogue(
        pl.DataFrame(
            {
                "item_id": ["50", "172", "63", "222", "1", "2", "404"],
                "title": [
                    "Star Wars (1977)",
                    "Empire Strikes Back, The (1980)",
                    "Santa Clause, The (1994)",
                    "Star Trek: First Contact (1996)",
                    "Hamlet",
                    "Hamlet",
                    None,
                ],
                "category": ["Action", "Action", "Comedy", "Action", "Drama", "Drama", None],
            }
        )
    )


@pytest.mark.parametrize(
    ("text", "item_id"),
    [
        ("50", "50"),
        ("404", "404"),
        ("Star Wars (1977)", "50"),
        ("star wars (1977)", "50"),
        ("  first CONTACT ", "222"),
        ("santa", "63"),
    ],
)
def test_an_item_is_found_by_id_title_or_part_of_its_title(catalogue: Catalogue, text: str, item_id: str) -> None:
    """Whatever its case; an id goes before any title."""
    assert catalogue.find(text) == item_id


def test_an_ambiguous_title_names_the_items_it_may_be(catalogue: Catalogue) -> None:
    """The ids tell them apart."""
    with pytest.raises(
        CatalogueError, match=r'"star" may be Star Wars \(1977\) \(id 50\), Star Trek.* \(id 222\): name'
    ):
        catalogue.find("star")
    with pytest.raises(CatalogueError, match=r'"Hamlet" may be Hamlet \(id 1\), Hamlet \(id 2\)'):
        catalogue.find("Hamlet")


def test_a_misspelt_title_gets_suggestions(catalogue: Catalogue) -> None:
    """The nearest by spelling."""
    with pytest.raises(CatalogueError, match=r'No item is called "Star Warz \(1977\)"; the nearest are Star Wars'):
        catalogue.find("Star Warz (1977)")


@pytest.mark.parametrize("text", ["", "  ", "xyzzy"])
def test_a_name_like_no_other_is_refused(catalogue: Catalogue, text: str) -> None:
    """An empty text is in every title, and still names none."""
    with pytest.raises(CatalogueError, match="nothing has a similar name"):
        catalogue.find(text)


def test_a_history_is_cut_at_its_commas_unless_they_belong_to_a_title(catalogue: Catalogue) -> None:
    """Titles sorted under their articles have commas of their own."""
    assert catalogue.find_all(["50,santa, 222"]) == ["50", "63", "222"]
    assert catalogue.find_all(["Empire Strikes Back, The (1980)", "50"]) == ["172", "50"]


def test_an_empty_history_is_refused(catalogue: Catalogue) -> None:
    """There is no list after no click."""
    with pytest.raises(CatalogueError, match="No item is named"):
        catalogue.find_all([","])


def test_an_item_without_a_title_goes_by_its_id(catalogue: Catalogue) -> None:
    """So does one that the catalogue does not hold."""
    assert [catalogue.title_of(item) for item in map(type(catalogue.find("50")), ["50", "404", "999"])] == [
        "Star Wars (1977)",
        "404",
        "999",
    ]
    assert catalogue.category_of(catalogue.find("404")) is None
