"""Text as numbers: words, and the token that stands for each.

A word is what Unicode's word rules make of NFKC-normalised, lower-case text (UTS 18, Annex C, by Rust's regex engine
within polars): a run of letters with their marks, or of digits. Python's own `re` would cut Hindi at its vowel signs.
Scripts that put no spaces between words (Han, Hiragana, Katakana) are cut into single characters.

    0           padding
    1           a word that the vocabulary does not hold
    2 ...       the columns, one marker each: it goes before the column's words
    2 + C ...   the words

Legend: C columns.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
import polars as pl

PADDING, UNKNOWN_WORD, FIRST_COLUMN = 0, 1, 2
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}"
_WORD = rf"[{_UNSPACED}]|[\w--[{_UNSPACED}_]]+"


def words_of(text: pl.Series) -> list[list[str]]:
    """Cut every text into its words; null has none."""
    normalised = pl.col(text.name).cast(pl.String).fill_null("").str.normalize("NFKC").str.to_lowercase()
    words: list[list[str]] = text.to_frame().select(normalised.str.extract_all(_WORD)).to_series().to_list()
    return words


class TextVocabulary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The words that a model knows.

    Attributes:
        columns: Those of the catalogue that texts are read from, in this order.
        words: In the order of their tokens.
    """

    columns: tuple[str, ...]
    words: tuple[str, ...]

    def __len__(self) -> int:
        """Return how many tokens there are."""
        return FIRST_COLUMN + len(self.columns) + len(self.words)

    @property
    def first_word(self) -> int:
        """The first word's token: those from it on, and that of an unknown word, are words."""
        return FIRST_COLUMN + len(self.columns)

    def tokens_of(self, catalogue: pl.DataFrame, most: int) -> list[list[int]]:
        """Turn each row of a catalogue into tokens: every column that says something, its marker before its words.

        The markers make one text of several columns and still tell a word of the title from one of the author (as
        Recformer flattens an item's attributes, Li et al., KDD'23).

        Args:
            catalogue: It has the columns.
            most: Tokens of a row; what is longer is cut off.

        Returns:
            At least one token a row: an item that nothing is said of is one unknown word.
        """
        token_of_word = {word: token for token, word in enumerate(self.words, start=self.first_word)}
        rows: list[list[int]] = [[] for _ in range(catalogue.height)]
        for marker, column in enumerate(self.columns, start=FIRST_COLUMN):
            for row, words in zip(rows, words_of(catalogue[column]), strict=True):
                if words:
                    row += [marker, *(token_of_word.get(word, UNKNOWN_WORD) for word in words)]
        return [row[:most] or [UNKNOWN_WORD] for row in rows]


def fit_text_vocabulary(catalogue: pl.DataFrame, columns: Sequence[str], min_count: int) -> TextVocabulary:
    """Take the words that occur often enough, in the order of the alphabet.

    A vocabulary and not the hashing trick: a word that training never saw is then one token, which word dropout
    teaches, and not the untrained row of some bucket.

    Args:
        catalogue: What training knows of its items, one row an item.
        columns: The columns to read.
        min_count: How many items must bear a word.
    """
    counts: Counter[str] = Counter()
    for words in zip(*(words_of(catalogue[column]) for column in columns), strict=True):
        counts.update(_distinct(words))
    kept = sorted(word for word, count in counts.items() if count >= min_count)
    return TextVocabulary(tuple(columns), tuple(kept))


def _distinct(columns: Iterable[Sequence[str]]) -> set[str]:
    return {word for words in columns for word in words}
