import msgspec
import numpy as np
import polars as pl

from models.items.item_fields import FieldVocabulary, fit_field

SHOP = pl.DataFrame(
    {"category": ["skirts", "skirts", "sale", None], "page": [1, 2, 1, 1], "colour": ["red", "red", "blue", "red"]}
)


def test_a_field_is_one_column_or_several_taken_together() -> None:
    """Numbers by what they are written as; where a part is missing there is no value."""
    assert fit_field(SHOP, ["page"], 1).values == (("1",), ("2",))
    assert fit_field(SHOP, ["category", "page"], 1).values == (("sale", "1"), ("skirts", "1"), ("skirts", "2"))


def test_rare_values_are_none() -> None:
    """Two of four are blue or sale; red is three times."""
    assert fit_field(SHOP, ["colour"], 2).values == (("red",),)


def test_an_item_has_a_one_where_it_has_a_value() -> None:
    """A value that training does not know, and a part that is missing, are zeros."""
    field = FieldVocabulary(("category", "page"), (("skirts", "1"), ("skirts", "2")))
    numbers = field.numbers_of(SHOP)
    assert numbers.tolist() == [[1, 0], [0, 1], [0, 0], [0, 0]]
    assert numbers.dtype == np.float32


def test_a_field_survives_json() -> None:
    """The checkpoint's description holds it."""
    field = fit_field(SHOP, ["category", "page"], 1)
    assert msgspec.json.decode(msgspec.json.encode(field), type=FieldVocabulary) == field
