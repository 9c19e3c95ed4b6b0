"""Columns of a catalogue as categories: one number for each value that training items bear, 1 or 0.

A field is a column, or several whose values are taken together: a page and a place on it say where a product stands,
either alone does not. A value that no training item bears is zeros, and so is one of which a part is missing.

Legend: V items, P values of a field.
"""

from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.errors import DataError

# What the columns of a field say of an item, as text; None: one of them says nothing.
FieldValue = tuple[str, ...]


class FieldVocabulary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The values of a field that training knows.

    Attributes:
        columns: The catalogue's columns that are taken together.
        values: In the order of their numbers.
    """

    columns: tuple[str, ...]
    values: tuple[FieldValue, ...]

    def numbers_of(self, catalogue: pl.DataFrame) -> NDArray[np.float32]:
        """Return 1 where an item has a value, (V, P), for each row of a catalogue that has the columns."""
        place = {value: number for number, value in enumerate(self.values)}
        numbers = np.zeros((catalogue.height, len(self.values)), dtype=np.float32)
        for row, value in enumerate(values_of_field(catalogue, self.columns)):
            if value in place:
                numbers[row, place[value]] = 1.0
        return numbers


def fit_field(catalogue: pl.DataFrame, columns: Sequence[str], min_count: int) -> FieldVocabulary:
    """Take the values that occur often enough, in the order of the alphabet.

    Args:
        catalogue: What training knows of its items, one row an item.
        columns: Those that are taken together.
        min_count: How many items must have a value.

    Raises:
        DataError: If no value occurs so often, or a column holds lists.
    """
    counts = Counter(value for value in values_of_field(catalogue, columns) if value is not None)
    kept = sorted(value for value, count in counts.items() if count >= min_count)
    if not kept:
        raise DataError(
            f"No value of {', '.join(columns)} stands at {min_count} training items or more: name other `fields`, or "
            "lower `min_word_count`."
        )
    return FieldVocabulary(tuple(columns), tuple(kept))


def values_of_field(catalogue: pl.DataFrame, columns: Sequence[str]) -> list[FieldValue | None]:
    """Return what the columns say of each row; None where one of them says nothing.

    Raises:
        DataError: If a column holds lists.
    """
    for column in columns:
        if catalogue.schema[column].is_nested():
            raise DataError(
                f"The catalogue's column {column} holds lists: a field is one value an item. Name it as "
                "`vector_column` if they are numbers."
            )
    rows = catalogue.select(pl.col(*columns).cast(pl.String)).iter_rows()
    return [None if None in row else row for row in rows]
