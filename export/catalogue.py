"""Finding an item the way a person names it: by its id, its title, or a part of its title."""

from collections.abc import Iterable
from difflib import get_close_matches

import polars as pl

from models.errors import CatalogueError
from models.sequences.vocabulary import ItemId

SUGGESTIONS = 5


class Catalogue:
    """The names of an artifact's items.

    Args:
        items: `Artifact.items`: item_id, title, category; null where an item has none.
    """

    def __init__(self, items: pl.DataFrame) -> None:
        self._item_ids = [ItemId(item_id) for item_id in items["item_id"]]
        self._titles: dict[ItemId, str | None] = dict(zip(self._item_ids, items["title"], strict=True))
        self._categories: dict[ItemId, str | None] = dict(zip(self._item_ids, items["category"], strict=True))

    def title_of(self, item_id: ItemId) -> str:
        """Return the item's title; its id where it has none or the catalogue does not hold it."""
        return self._titles.get(item_id) or item_id

    def category_of(self, item_id: ItemId) -> str | None:
        """Return the item's category, or None where it has none."""
        return self._categories.get(item_id)

    def find(self, text: str) -> ItemId:
        """Return the one item with this id, else this title, else this text within its title, whatever its case.

        Raises:
            CatalogueError: If there is none, naming the nearest ones, or several, naming them.
        """
        if text in self._titles:
            return ItemId(text)
        wanted = text.strip().casefold()
        titles = {item_id: title.casefold() for item_id, title in self._titles.items() if title}
        exact = [item_id for item_id, title in titles.items() if title == wanted]
        within = [item_id for item_id, title in titles.items() if wanted and wanted in title]
        matches = exact or within
        if not matches:
            raise CatalogueError(f'No item is called "{text}"{self._suggestion(wanted, titles)}.')
        if len(matches) > 1:
            raise CatalogueError(f'"{text}" may be {self._named(matches)}: name one of them by its id.')
        return matches[0]

    def find_all(self, texts: Iterable[str]) -> list[ItemId]:
        """Return the items of several texts in order; a text that names no item by itself is cut at its commas.

        Raises:
            CatalogueError: As `find` does; also if no item is named.
        """
        item_ids: list[ItemId] = []
        for text in texts:
            if "," in text and not self._names_an_item(text):
                item_ids += [self.find(part.strip()) for part in text.split(",") if part.strip()]
            else:
                item_ids.append(self.find(text))
        if not item_ids:
            raise CatalogueError("No item is named: give ids or titles with commas between them.")
        return item_ids

    def _names_an_item(self, text: str) -> bool:
        try:
            self.find(text)
        except CatalogueError:
            return False
        return True

    def _suggestion(self, wanted: str, titles: dict[ItemId, str]) -> str:
        item_of_name = {title: item_id for item_id, title in titles.items()}
        item_of_name |= {item_id.casefold(): item_id for item_id in self._item_ids}
        near = get_close_matches(wanted, item_of_name, n=SUGGESTIONS)
        item_ids = list(dict.fromkeys(item_of_name[name] for name in near))
        return f"; the nearest are {self._named(item_ids)}" if item_ids else ", and nothing has a similar name"

    def _named(self, item_ids: list[ItemId]) -> str:
        """Spell out a few items, with their ids where they have titles."""
        names = [
            f"{title} (id {item_id})" if (title := self._titles[item_id]) else item_id
            for item_id in item_ids[:SUGGESTIONS]
        ]
        rest = len(item_ids) - len(names)
        return ", ".join(names) + (f" or {rest} more" if rest else "")
