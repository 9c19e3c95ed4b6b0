"""The catalogue as people search it: words in titles, a category, the most popular first."""

from collections import Counter

from export.artifact import Artifact
from nextclick.page.messages import Item

MOST_FOUND = 40


class ItemSearch:
    """An artifact's items by title.

    Args:
        artifact: Its items' ids, titles, categories and popularity.
    """

    def __init__(self, artifact: Artifact) -> None:
        table = artifact.items.sort("popularity", descending=True, maintain_order=True)
        self._items = {
            item_id: Item(item_id, title or item_id, category)
            for item_id, title, category in table.select("item_id", "title", "category").iter_rows()
        }
        self._titles = {item_id: item.title.casefold() for item_id, item in self._items.items()}
        counted = Counter(item.category for item in self._items.values() if item.category)
        self.categories = tuple(category for category, _ in counted.most_common())

    def __len__(self) -> int:
        return len(self._items)

    def item(self, item_id: str) -> Item:
        """Return an item; one that the catalogue does not hold is called by its id."""
        return self._items.get(item_id) or Item(item_id, item_id, None)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._items

    def find(self, text: str, category: str | None) -> list[Item]:
        """Return items whose titles have every word, those that begin with the text first, then by popularity.

        Args:
            text: What somebody typed; nothing finds everything.
            category: Of this one only; None: of any.
        """
        wanted = text.strip().casefold()
        words = wanted.split()
        found = [
            item
            for item_id, item in self._items.items()
            if (category is None or item.category == category) and all(word in self._titles[item_id] for word in words)
        ]
        found.sort(key=lambda item: not self._titles[item.item_id].startswith(wanted))
        return found[:MOST_FOUND]
