from pathlib import Path

import numpy as np
import pytest
import torch

from export.artifact import Artifact, CoarseRanking
from export.exporter import export_model
from export.item_vectors import item_table_of, read_item_vectors
from export.rank_graph import export_rank_graph
from models.errors import ArtifactError
from models.networks.popularity import PopularityConfig
from models.networks.sequence_network import NetworkInputs
from tests.encoded import make_sessions
from tests.export.ranked import LIST_LENGTH, ONE_TILE, RING_LENGTH, THREE_TILES
from tests.factories import TINY_ITEM_IDS, make_tiny_model, make_tiny_network


@pytest.mark.parametrize(
    ("item_count", "coarse"),
    [(30, None), (6_145, None), (1_001, ONE_TILE), (20_001, ONE_TILE), (20_001, THREE_TILES)],
    ids=["plain", "in blocks", "few", "one tile", "three tiles"],
)
def test_vectors_are_those_of_the_network(tmp_path: Path, item_count: int, coarse: CoarseRanking | None) -> None:
    """However a ranking lays the table out: padded, in the order of the items, or a row a block."""
    network = make_tiny_network(item_count=item_count, hidden_size=16)
    path = tmp_path / "rank.onnx"
    export_rank_graph(network, path, list_length=LIST_LENGTH, ring_length=RING_LENGTH, coarse=coarse)
    with torch.no_grad():
        expected = network.item_table.numpy()
    found = item_table_of(path, item_count, coarse)
    assert found is not None
    assert np.array_equal(found, expected)


def test_an_artifacts_vectors_are_read_from_its_folder(tiny_artifact: Artifact) -> None:
    vectors = read_item_vectors(tiny_artifact)
    with torch.no_grad():
        assert np.array_equal(vectors, make_tiny_network().item_table.numpy())


def test_a_counted_model_has_no_vectors(tmp_path: Path) -> None:
    """Its table is a column of ones, by which all items would be the same."""
    network = PopularityConfig().build(NetworkInputs(len(TINY_ITEM_IDS)))
    network.fit(make_sessions([0, 1, 2], [1, 2]))
    artifact = export_model(make_tiny_model(network=network.eval(), kind="popularity"), tmp_path / "artifact")
    with pytest.raises(ArtifactError, match=r"none to compare.*--dataset NAME"):
        read_item_vectors(artifact)
