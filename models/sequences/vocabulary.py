"""Item ids and the rows they stand for.

`item_id` is the shop's own string; `item_index` is the row of the embedding. They never share a name or a type.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b, sha256
from typing import NewType

from models.errors import VocabularyError

ItemId = NewType("ItemId", str)
ItemIndex = NewType("ItemIndex", int)
UserId = NewType("UserId", str)

# Eight bytes keep a ring of items small. Two of a million items collide with a probability of 3e-8, and
# `ItemVocabulary` refuses to be built when they do.
ITEM_HASH_BYTES = 8


def hash_item_id(item_id: str) -> int:
    """Return the 8-byte hash by which state records remember an item: it outlives the vocabulary."""
    return int.from_bytes(blake2b(item_id.encode(), digest_size=ITEM_HASH_BYTES).digest(), "little")


class ItemVocabulary:
    """The catalogue in the order of the embedding's rows: V items, item_index 0 to V - 1.

    Args:
        item_ids: Every item once, in row order.

    Raises:
        VocabularyError: If there is no item, an item occurs twice, or two items share an 8-byte hash.
    """

    def __init__(self, item_ids: Sequence[ItemId]) -> None:
        if not item_ids:
            raise VocabularyError("A vocabulary needs at least one item: the training data has none left.")
        self.item_ids = tuple(item_ids)
        self._index_of_id = {item_id: ItemIndex(index) for index, item_id in enumerate(self.item_ids)}
        if len(self._index_of_id) != len(self.item_ids):
            raise VocabularyError("An item occurs twice in the vocabulary: item ids must be unique.")
        # hashes[item_index] is the item's 8-byte hash.
        self.hashes = tuple(hash_item_id(item_id) for item_id in self.item_ids)
        self._index_of_hash = {item_hash: ItemIndex(index) for index, item_hash in enumerate(self.hashes)}
        if len(self._index_of_hash) != len(self.item_ids):
            raise VocabularyError(
                "Two items share an 8-byte hash: rename one of them, state records cannot tell them apart."
            )

    def __len__(self) -> int:
        return len(self.item_ids)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._index_of_id

    def index_of(self, item_id: str) -> ItemIndex | None:
        """Return the item's row, or None for an item that the model does not know."""
        return self._index_of_id.get(ItemId(item_id))

    def index_of_hash(self, item_hash: int) -> ItemIndex | None:
        """Return the row of the item with this 8-byte hash, or None where no known item has it."""
        return self._index_of_hash.get(item_hash)

    def item_id_of(self, item_index: int) -> ItemId:
        """Return the id of the item in this row."""
        return self.item_ids[item_index]

    @property
    def digest(self) -> str:
        """SHA-256 of the item ids in row order, hexadecimal: two models with the same digest share their rows."""
        return _digest(self.item_ids)


def _digest(item_ids: Iterable[ItemId]) -> str:
    digest = sha256()
    for item_id in item_ids:
        encoded = item_id.encode()
        # The length goes first, so that no two lists of ids run together into the same bytes.
        digest.update(len(encoded).to_bytes(4, "little"))
        digest.update(encoded)
    return digest.hexdigest()
