"""Items as a person calls them, also where no artifact is at hand to tell their titles."""

from pathlib import Path
from typing import Protocol

from export.artifact import load_artifact
from export.catalogue import Catalogue
from models.sequences.vocabulary import ItemId


class ItemNames(Protocol):
    """From a person's words to an item id and back."""

    def find(self, text: str) -> str:
        """Return the id of the item that goes by this name."""
        ...

    def title_of(self, item_id: str) -> str:
        """Return what a person calls the item."""
        ...


class _Titles:
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def find(self, text: str) -> str:
        return self._catalogue.find(text)

    def title_of(self, item_id: str) -> str:
        return self._catalogue.title_of(ItemId(item_id))


class _Ids:
    def find(self, text: str) -> str:
        return text

    def title_of(self, item_id: str) -> str:
        return item_id


def load_item_names(artifact: Path) -> ItemNames:
    """Return the artifact's titles, or, where there is no such folder, the ids themselves.

    Raises:
        ArtifactError: If the folder is there and no whole artifact.
    """
    return _Titles(Catalogue(load_artifact(artifact).items)) if artifact.exists() else _Ids()
