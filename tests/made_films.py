"""A small data set in the form of MovieLens 100K, for demos that train within seconds."""

import random
from pathlib import Path

NEW_YEAR_1998_S = 883_612_800


def write_films(data_folder: Path, *, users: int = 40, films: int = 40, ratings_each: int = 15) -> None:
    """Write ratings and films under `data_folder/movielens-100k`.

    Everybody goes through the films in the same direction, with a jump now and then.
    """
    folder = data_folder / "movielens-100k"
    folder.mkdir(parents=True)
    chance = random.Random(0)
    ratings = ["user_id:token\titem_id:token\trating:float\ttimestamp:float"]
    for place in range(ratings_each):
        for user in range(users):
            film = (user + place * 2 + chance.randrange(2)) % films
            ratings.append(f"u{user}\tf{film}\t4\t{NEW_YEAR_1998_S + place * 1_000 + user}")
    (folder / "ml-100k.inter").write_text("\n".join(ratings) + "\n", encoding="utf-8")
    catalogue = ["item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq"]
    catalogue += [f"f{number}\tFilm {number}\t1997\t{('Drama', 'Comedy')[number % 2]}" for number in range(films)]
    (folder / "ml-100k.item").write_text("\n".join(catalogue) + "\n", encoding="utf-8")
