import msgspec
import numpy as np
import polars as pl
import pytest

from models.errors import DataError
from models.items.item_contents import ContentConfig, ContentReader, fit_contents
from models.sequences.vocabulary import ItemId, ItemVocabulary

CATALOGUE = pl.DataFrame(
    {
        "item_id": ["c", "a", "b", "cold"],
        "title": ["blue sky", "red sky", None, "green sky over red sea"],
        "picture": [[1.0, 2.0], None, [0.5, 0.5], [3.0, 4.0]],
    }
)
CONFIG = ContentConfig(columns=("title",), vector_column="picture", min_word_count=1, max_tokens=4)


def items(*item_ids: str) -> ItemVocabulary:
    """A vocabulary of these."""
    return ItemVocabulary([ItemId(item_id) for item_id in item_ids])


def test_words_are_those_of_training_items() -> None:
    """`green` and `sea` stand only at an item without clicks."""
    assert fit_contents(CONFIG, CATALOGUE, items("a", "b", "c")).vocabulary.words == ("blue", "red", "sky")


def test_contents_are_read_in_row_order_for_any_items() -> None:
    """An item that training never saw has unknown words; one that the catalogue does not hold has no text."""
    reader = fit_contents(CONFIG, CATALOGUE, items("a", "b", "c"))
    contents = reader.read(CATALOGUE, items("a", "b", "c", "cold", "elsewhere"))
    assert contents.tokens.tolist() == [[2, 4, 5, 0], [1, 0, 0, 0], [2, 3, 5, 0], [2, 1, 5, 1], [1, 0, 0, 0]]
    assert contents.vectors.tolist() == [[0, 0], [0.5, 0.5], [1, 2], [3, 4], [0, 0]]
    assert contents.vectors.dtype == np.float32


def test_fields_stand_before_the_vector_and_need_no_text() -> None:
    """Of training items' titles as wholes; the cold one's is none of them."""
    config = ContentConfig(columns=(), fields=(("title",),), vector_column="picture", min_word_count=1)
    reader = fit_contents(config, CATALOGUE, items("a", "b", "c"))
    contents = reader.read(CATALOGUE, items("a", "b", "c", "cold"))
    assert contents.tokens.tolist() == [[1], [1], [1], [1]]
    assert contents.vectors.tolist() == [[0, 1, 0, 0], [0, 0, 0.5, 0.5], [1, 0, 1, 2], [0, 0, 3, 4]]


def test_an_item_needs_something_to_be_known_by() -> None:
    """No text, no field and no vector is a mistake."""
    with pytest.raises(ValueError, match="an item needs at least one column"):
        ContentConfig(columns=())
    with pytest.raises(ValueError, match="a field needs at least one column"):
        ContentConfig(fields=(("category",), ()))


def test_a_reader_survives_json() -> None:
    """The checkpoint's description holds it."""
    reader = fit_contents(msgspec.structs.replace(CONFIG, fields=(("title",),)), CATALOGUE, items("a", "b"))
    assert msgspec.json.decode(msgspec.json.encode(reader), type=ContentReader) == reader


def test_a_vector_of_another_length_is_refused() -> None:
    """It was made by another model than those of training."""
    reader = fit_contents(CONFIG, CATALOGUE, items("a", "b", "c"))
    other = pl.DataFrame({"item_id": ["a"], "title": ["red"], "picture": [[1.0]]})
    with pytest.raises(DataError, match="picture of item a is not 2 finite numbers"):
        reader.read(other, items("a"))


@pytest.mark.parametrize(
    ("config", "catalogue", "message"),
    [
        (CONFIG, None, "has no catalogue"),
        (ContentConfig(columns=("title", "summary")), CATALOGUE, "no column summary, only item_id, title, picture"),
        (ContentConfig(fields=(("title", "page"),)), CATALOGUE, "no column category, page, only"),
        (ContentConfig((), fields=(("picture",),)), CATALOGUE, "picture holds lists"),
        (ContentConfig((), fields=(("title",),)), CATALOGUE, "No value of title stands at 2"),
        (ContentConfig(columns=("title",), vector_column="title"), CATALOGUE, "title holds no lists of numbers"),
        (ContentConfig(columns=("title",), min_word_count=9), CATALOGUE, "No word of title stands at 9"),
        (CONFIG, pl.concat([CATALOGUE, CATALOGUE]), "describes an item twice"),
    ],
)
def test_a_catalogue_that_does_not_do_is_refused(
    config: ContentConfig, catalogue: pl.DataFrame | None, message: str
) -> None:
    """Before anything is trained."""
    with pytest.raises(DataError, match=message):
        fit_contents(config, catalogue, items("a", "c"))
