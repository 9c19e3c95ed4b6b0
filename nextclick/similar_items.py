"""Items that are like one: by the model's vectors, or by the sessions that hold both."""

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from export.artifact import Artifact
from export.catalogue import Catalogue
from export.item_vectors import read_item_vectors
from models.items.item_counts import cooccurrence_counts
from models.items.item_similarity import cosine_similarities
from models.preparation.prepared_data import PreparedData
from models.sequences.encoded_sessions import encode_sessions
from models.sequences.vocabulary import ItemId, ItemVocabulary


class SimilarItem(msgspec.Struct, frozen=True):
    """A neighbour.

    Attributes:
        item_id: The shop's id.
        title: None where it has none.
        category: None where it has none.
        similarity: The cosine, at most 1.
    """

    item_id: str
    title: str | None
    category: str | None
    similarity: float


class Neighbourhood(msgspec.Struct, frozen=True):
    """What `nextclick similar` found.

    Attributes:
        item_id: The item that was asked for.
        title: Its title, or its id.
        by: What the cosine is of.
        items: The most similar first; of equals, in the order of the rows.
    """

    item_id: str
    title: str
    by: str
    items: tuple[SimilarItem, ...]


def similar_by_vectors(artifact: Artifact, text: str, count: int) -> Neighbourhood:
    """Return the items whose vectors in the model point the same way.

    Raises:
        CatalogueError: If no item, or several, go by this name.
        ArtifactError: If the model has no vectors.
    """
    item_id = Catalogue(artifact.items).find(text)
    vectors = read_item_vectors(artifact).astype(np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions = vectors / np.where(lengths > 0, lengths, 1)
    row = artifact.vocabulary.index_of(item_id)
    by = f"the vectors of model {artifact.manifest.model_id}"
    return _nearest(artifact.items, item_id, directions @ directions[row], by, count)


def similar_by_clicks(data: PreparedData, text: str, count: int) -> Neighbourhood:
    """Return the items that training sessions hold together with one, by cosine; see `models.items.item_similarity`.

    Raises:
        CatalogueError: If no item, or several, go by this name.
    """
    vocabulary = ItemVocabulary(data.train["item_id"].unique().sort().to_list())
    items = _named(vocabulary, data.catalogue)
    item_id = Catalogue(items).find(text)
    counts = cooccurrence_counts(encode_sessions(data.train, vocabulary, ()), len(vocabulary))
    row = vocabulary.index_of(item_id)
    assert row is not None  # noqa: S101  # found among these items
    similarities = cosine_similarities(counts, rows=slice(row, row + 1)).toarray()[0]
    by = f"the training sessions of {data.description.name} that hold both"
    return _nearest(items, item_id, np.where(similarities > 0, similarities, -np.inf), by, count)


def _named(vocabulary: ItemVocabulary, catalogue: pl.DataFrame | None) -> pl.DataFrame:
    """Return item_id, title and category in row order, null where the catalogue says nothing."""
    items = pl.DataFrame({"item_id": vocabulary.item_ids}, schema={"item_id": pl.String()})
    if catalogue is not None:
        items = items.join(catalogue.unique("item_id", keep="first"), on="item_id", how="left", maintain_order="left")
    missing = [pl.lit(None, pl.String()).alias(name) for name in ("title", "category") if name not in items.columns]
    return items.with_columns(missing)


def _nearest(
    items: pl.DataFrame, item_id: ItemId, similarities: NDArray[np.float64], by: str, count: int
) -> Neighbourhood:
    """List the best of `similarities`, (V,), less the item itself and what is at -inf."""
    order = np.argsort(-similarities, kind="stable")
    rows = [row for row in order.tolist() if items["item_id"][row] != item_id and similarities[row] > -np.inf][:count]
    found = tuple(
        SimilarItem(items["item_id"][row], items["title"][row], items["category"][row], float(similarities[row]))
        for row in rows
    )
    return Neighbourhood(item_id, Catalogue(items).title_of(item_id), by, found)
