"""What a catalogue says of items, as numbers: what a network reads that knows an item by its contents.

Legend: V items, W tokens of the longest text, P numbers beside it: those of the fields, then those made elsewhere.
"""

from dataclasses import dataclass

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.bounds import AtLeastOne
from models.errors import DataError
from models.items.item_fields import FieldVocabulary, fit_field
from models.items.text_vocabulary import PADDING, TextVocabulary, fit_text_vocabulary
from models.sequences.vocabulary import ItemVocabulary


class ContentConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[network.content]`: what is read of an item.

    Attributes:
        columns: The catalogue's columns that are read as text, in this order; numbers are read as they are written.
            Empty: no text is read.
        fields: Columns that are read as categories, see `models.items.item_fields`: each entry is one, or several whose
            values are taken together.
        vector_column: A column of lists of numbers, all of one length, made elsewhere: by an image network, a language
            model. None: there is none.
        min_word_count: How many training items must bear a word, or have a field's value; rarer ones are unknown.
        max_tokens: Tokens of an item; what is longer is cut off.
    """

    columns: tuple[str, ...] = ("title", "category")
    fields: tuple[tuple[str, ...], ...] = ()
    vector_column: str | None = None
    min_word_count: AtLeastOne = 2
    max_tokens: AtLeastOne = 48

    def __post_init__(self) -> None:
        if not (self.columns or self.fields or self.vector_column):
            raise ValueError("an item needs at least one column: of text, of a field, or of vectors")
        if not all(self.fields):
            raise ValueError("a field needs at least one column")


@dataclass(frozen=True)
class ItemContents:
    """The contents of V items.

    Attributes:
        tokens: Their texts, (V, W), padded at the end; one unknown word each where no column is read as text.
        vectors: Their fields and vectors, (V, P); P is 0 where there are none, a missing one is zeros.
        vocabulary: What the tokens mean.
    """

    tokens: NDArray[np.int64]
    vectors: NDArray[np.float32]
    vocabulary: TextVocabulary


class ContentReader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Reads a catalogue as training read it: part of the checkpoint, so that new items can be read later.

    Attributes:
        vocabulary: The words of the training items.
        max_tokens: Tokens of an item.
        vector_column: Where vectors are.
        vector_size: How many numbers each has.
        fields: The fields, and their values of the training items.
    """

    vocabulary: TextVocabulary
    max_tokens: int
    vector_column: str | None
    vector_size: int
    fields: tuple[FieldVocabulary, ...] = ()

    def read(self, catalogue: pl.DataFrame, items: ItemVocabulary) -> ItemContents:
        """Read the contents of items, in row order; an item that the catalogue does not hold has no text.

        Raises:
            DataError: If the catalogue lacks a column, describes an item twice, or a vector has another length.
        """
        rows = rows_of_items(catalogue, items, self._columns)
        texts = self.vocabulary.tokens_of(rows, self.max_tokens)
        tokens = np.full((len(texts), max(map(len, texts))), PADDING, dtype=np.int64)
        for row, text in enumerate(texts):
            tokens[row, : len(text)] = text
        fields = [field.numbers_of(rows) for field in self.fields]
        return ItemContents(tokens, np.hstack([*fields, self._vectors(rows)]), self.vocabulary)

    @property
    def _columns(self) -> tuple[str, ...]:
        of_fields = tuple(column for field in self.fields for column in field.columns)
        return self.vocabulary.columns + of_fields + (() if self.vector_column is None else (self.vector_column,))

    def _vectors(self, rows: pl.DataFrame) -> NDArray[np.float32]:
        vectors = np.zeros((rows.height, self.vector_size), dtype=np.float32)
        if self.vector_column is None:
            return vectors
        for row, (item_id, vector) in enumerate(rows.select("item_id", self.vector_column).iter_rows()):
            if vector is None:
                continue
            if len(vector) != self.vector_size or not np.isfinite(np.array(vector, dtype=np.float32)).all():
                raise DataError(
                    f"The {self.vector_column} of item {item_id} is not {self.vector_size} finite numbers, as those of "
                    "the training items are: make it by the same model, or leave it empty."
                )
            vectors[row] = vector
        return vectors


def fit_contents(config: ContentConfig, catalogue: pl.DataFrame | None, items: ItemVocabulary) -> ContentReader:
    """Learn from the training items how to read a catalogue.

    Args:
        config: What to read.
        catalogue: item_id and the columns that are read; rows of other items are not looked at.
        items: The items that training has clicks on.

    Raises:
        DataError: If there is no catalogue, or it lacks a column, or has no text or no field's value for any training
            item.
    """
    if catalogue is None:
        raise DataError(
            "This data set has no catalogue: a network that knows items by their contents needs one. Prepare your log "
            "with `nextclick data prepare --log ... --catalogue FILE`."
        )
    vector_columns = () if config.vector_column is None else (config.vector_column,)
    field_columns = (column for field in config.fields for column in field)
    rows = rows_of_items(catalogue, items, (*config.columns, *field_columns, *vector_columns))
    vocabulary = fit_text_vocabulary(rows, config.columns, config.min_word_count)
    if config.columns and not vocabulary.words:
        raise DataError(
            f"No word of {', '.join(config.columns)} stands at {config.min_word_count} training items or more: name "
            "other columns, or lower `min_word_count`."
        )
    fields = tuple(fit_field(rows, field, config.min_word_count) for field in config.fields)
    vector_size = _vector_size(rows, config.vector_column)
    return ContentReader(vocabulary, config.max_tokens, config.vector_column, vector_size, fields)


def _vector_size(rows: pl.DataFrame, column: str | None) -> int:
    """Return how many numbers each vector of a column has; 0: there is no column."""
    if column is None:
        return 0
    vectors = rows[column].drop_nulls()
    if not isinstance(vectors.dtype, pl.List | pl.Array) or vectors.is_empty():
        raise DataError(f"The catalogue's column {column} holds no lists of numbers: name another.")
    return len(vectors[0])


def read_contents(
    reader: ContentReader | None, catalogue: pl.DataFrame | None, items: ItemVocabulary
) -> ItemContents | None:
    """Read the contents of items for a network that wants them; None: it does not."""
    if reader is None:
        return None
    if catalogue is None:
        raise DataError("The network reads what a catalogue says of the items, and there is none.")
    return reader.read(catalogue, items)


def rows_of_items(catalogue: pl.DataFrame, items: ItemVocabulary, columns: tuple[str, ...]) -> pl.DataFrame:
    """Return a catalogue's rows in the order of the items' rows, null where it does not hold an item.

    Raises:
        DataError: If it lacks a column, or describes an item twice.
    """
    if missing := [column for column in columns if column not in catalogue.columns]:
        raise DataError(
            f"The catalogue has no column {', '.join(missing)}, only {', '.join(catalogue.columns)}: set `columns` "
            "under [network.content] to what there is."
        )
    twice = catalogue.filter(pl.col("item_id").is_duplicated())["item_id"]
    if len(twice):
        raise DataError(f"The catalogue describes an item twice: {twice[0]}. Keep one row an item.")
    ids = pl.DataFrame({"item_id": items.item_ids}, schema={"item_id": pl.String()})
    return ids.join(
        catalogue.select(*dict.fromkeys(("item_id", *columns))), on="item_id", how="left", maintain_order="left"
    )
