import pytest

from models.datasets.movies import movie_catalogue


@pytest.mark.parametrize(
    ("title", "year"),
    [
        ("Toy Story (1995)", 1995),
        ("Seven (Se7en) (1995)", 1995),
        ("Misérables, Les (1995)", 1995),
        ("Land Before Time III: The Time of the Great Giving (1995) (V)", 1995),
        ("Death Note: Desu nôto (2006–2007)", 2006),  # noqa: RUF001 - MovieLens writes a dash
        ("Justice League: Doom (2012) ", 2012),
        ("Babylon 5", None),
        ("2001: A Space Odyssey", None),
    ],
)
def test_year_is_the_one_at_the_titles_end(title: str, year: int | None) -> None:
    """The year is read where MovieLens writes it, and the title stays what it is, without blanks around it."""
    catalogue = movie_catalogue([("1", title, "Drama")])
    assert catalogue.select("title", "year").row(0) == (title.strip(), year)


@pytest.mark.parametrize(
    ("genres", "category", "kept"),
    [
        ("Adventure|Animation", "Adventure", "Adventure|Animation"),
        ("(no genres listed)", None, None),
        ("unknown", None, None),
        ("", None, None),
    ],
)
def test_category_is_the_first_genre(genres: str, category: str | None, kept: str | None) -> None:
    """A movie without genres has no category."""
    assert movie_catalogue([("1", "Title", genres)]).select("category", "genres").row(0) == (category, kept)


def test_genres_and_years_are_numbers_too() -> None:
    """Three genres in the order of the alphabet, then bumps, the seventeenth at 2000 and the next a width away."""
    catalogue = movie_catalogue(
        [("1", "Old (2000)", "Drama|Action"), ("2", "New (2005)", "Western"), ("3", "None", "")]
    )
    old, new, nothing = catalogue["attributes"].to_list()
    assert old[:3] == [1.0, 1.0, 0.0]
    assert new[:3] == [0.0, 0.0, 1.0]
    assert (old[3 + 16], old[3 + 17]) == (1.0, 0.6065)
    assert (new[3 + 16], new[3 + 17]) == (0.6065, 1.0)
    assert nothing == [0.0] * len(old)
