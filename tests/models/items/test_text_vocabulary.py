import polars as pl
import pytest

from models.items.text_vocabulary import TextVocabulary, fit_text_vocabulary, words_of

CATALOGUE = pl.DataFrame(
    {
        "item_id": ["a", "b", "c"],
        "title": ["Red Harbour", "red ﬁsh, RED sky", None],
        "author": ["Ada Red", "Bo", ""],
    }
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Amélie (2001), d'après", ["amélie", "2001", "d", "après"]),
        ("snake_case & ﬁne STRAẞE", ["snake", "case", "fine", "straße"]),
        ("千と千尋 no カミ", ["千", "と", "千", "尋", "no", "カ", "ミ"]),
        ("हिन्दी फ़िल्म", ["हिन्दी", "फ़िल्म"]),
        ("!?", []),
        (None, []),
    ],
)
def test_words_are_unicodes(text: str | None, words: list[str]) -> None:
    """Case, ligatures and punctuation do not matter; marks stay with their letters; unspaced scripts are cut."""
    assert words_of(pl.Series("title", [text], dtype=pl.String)) == [words]


def test_numbers_are_words() -> None:
    """A year says something of a film."""
    assert words_of(pl.Series("year", [1995, None])) == [["1995"], []]


def test_a_vocabulary_holds_what_enough_items_bear() -> None:
    """`red` stands at two items; that one bears it twice, or in two columns, does not count."""
    assert fit_text_vocabulary(CATALOGUE, ["title", "author"], 2).words == ("red",)
    assert fit_text_vocabulary(CATALOGUE, ["author"], 1).words == ("ada", "bo", "red")


def test_a_row_is_its_columns_each_behind_its_marker() -> None:
    """Tokens 2 and 3 are the columns, 4 to 6 the words, 1 a word that is not known, or nothing at all."""
    vocabulary = TextVocabulary(columns=("title", "author"), words=("ada", "fish", "red"))
    assert vocabulary.tokens_of(CATALOGUE, most=10) == [[2, 6, 1, 3, 4, 6], [2, 6, 5, 6, 1, 3, 1], [1]]
    assert vocabulary.tokens_of(CATALOGUE, most=3) == [[2, 6, 1], [2, 6, 5], [1]]
    assert len(vocabulary) == 7
