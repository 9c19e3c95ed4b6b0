"""Which ranking an artifact gets; every one of them goes through the whole exporter, gates included."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from export.artifact import Artifact, RankingKind, load_artifact
from export.exporter import TrainedModel, export_model
from export.graphs import export_step_graph
from export.parity import check_parity
from export.rank_graph import export_rank_graph
from export.ranking_choice import INT8_FROM_ITEMS, ONE_TILE_UP_TO_ITEMS, TILE_ITEMS, RankingMethod, _rows_per_run
from export.reference_lists import check_ranking
from export.runtime import ModelRuntime
from models.errors import ArtifactError, ParityError
from models.networks.lstm import LSTMNetwork
from tests.export.test_parity import DecayedSum
from tests.factories import make_tiny_model, make_tiny_network


def _numbered(count: int) -> Sequence[str]:
    return [str(number) for number in range(count)]


def _export(folder: Path, *, item_count: int = 30, ranking: RankingMethod = "auto") -> Artifact:
    return export_model(
        make_tiny_model(item_ids=_numbered(item_count)), folder / "artifact", ring_length=5, ranking=ranking
    )


def _model_of(network: LSTMNetwork) -> TrainedModel:
    return make_tiny_model(network=network, item_ids=_numbered(network.inputs.item_count))


def _network_with_one_giant() -> LSTMNetwork:
    """One component of one item is so large that in its scale all others round to zero."""
    network = make_tiny_network(item_count=INT8_FROM_ITEMS)
    with torch.no_grad():
        network.items.untied_table = torch.nn.Parameter(network.items.embedding.weight.clone())
        network.items.untied_table[17, 3] = 1e6
    return network


def test_a_small_catalogue_is_ranked_exactly(tmp_path: Path) -> None:
    """Coarse scores would cost more than they save."""
    ranking = _export(tmp_path, item_count=INT8_FROM_ITEMS - 1).manifest.ranking
    assert (ranking.kind, ranking.coarse, ranking.recall) == ("exact", None, 1.0)


def test_a_large_one_is_ranked_in_int8_first(tmp_path: Path) -> None:
    """In one tile, with its recall in the manifest, and a worker measures the same."""
    artifact = _export(tmp_path, item_count=INT8_FROM_ITEMS)
    ranking = artifact.manifest.ranking
    assert ranking.kind == "int8"
    assert ranking.recall >= 0.999
    assert ranking.coarse is not None
    assert (ranking.coarse.tiles, ranking.coarse.blocks) == (1, 28)
    assert artifact.manifest.parity.batch_sizes == (1, 2, 3, 7, 16, 64, 256)
    assert check_ranking(load_artifact(artifact.folder), ModelRuntime(artifact)) == ranking.recall


@pytest.mark.slow
def test_a_very_large_one_is_scored_in_tiles(tmp_path: Path) -> None:
    """A run's scores of the whole catalogue would no longer fit any cache."""
    item_count = ONE_TILE_UP_TO_ITEMS + 1
    ranking = _export(tmp_path, item_count=item_count).manifest.ranking
    assert ranking.kind == "int8"
    assert ranking.recall >= 0.999
    assert ranking.coarse is not None
    assert ranking.coarse.tiles == round(item_count / TILE_ITEMS)


@pytest.mark.parametrize(
    ("kind", "item_count", "rows"),
    [
        ("exact", 10_240, 16),
        ("exact", 102_400, 64),
        ("int8", 10_240, 16),
        ("int8", 102_400, 64),
        ("int8", 1_024_000, 64),
    ],
)
def test_a_larger_table_is_read_for_more_rows_at_a_time(kind: RankingKind, item_count: int, rows: int) -> None:
    """As measured."""
    assert _rows_per_run(kind, item_count) == rows


@pytest.mark.parametrize("method", ["exact", "int8"])
def test_the_operator_may_choose(tmp_path: Path, method: RankingMethod) -> None:
    """Whatever the size."""
    ranking = _export(tmp_path, ranking=method).manifest.ranking
    assert (ranking.kind, ranking.recall) == (method, 1.0)


@pytest.mark.slow
def test_a_table_that_bytes_cannot_hold_is_ranked_exactly(tmp_path: Path) -> None:
    """However many blocks are looked into, the coarse scores say nothing."""
    artifact = export_model(_model_of(_network_with_one_giant()), tmp_path / "artifact", ring_length=5)
    assert (artifact.manifest.ranking.kind, artifact.manifest.ranking.recall) == ("exact", 1.0)


@pytest.mark.slow
def test_it_is_refused_to_who_insists_on_int8(tmp_path: Path) -> None:
    """With the recall that it would have had."""
    with pytest.raises(ArtifactError, match=r"An int8 ranking lists 0\.\d{4} of the exact top 20, .*`--ranking exact`"):
        export_model(_model_of(_network_with_one_giant()), tmp_path / "artifact", ring_length=5, ranking="int8")
    assert not (tmp_path / "artifact").exists()


def test_a_network_without_dot_products_is_ranked_as_it_is(tmp_path: Path) -> None:
    """Its scores are all that is known of it."""
    model = make_tiny_model(network=DecayedSum(), kind="decayed-sum")
    assert export_model(model, tmp_path / "artifact").manifest.ranking.kind == "exact"
    with pytest.raises(ArtifactError, match="A decayed-sum model does not score by dot products"):
        export_model(model, tmp_path / "artifact", ranking="int8")


def test_the_step_gate_is_shut_to_an_int8_ranking_of_other_weights(tmp_path: Path) -> None:
    """A coarse ranking may miss an item, but what it lists has the score that it is listed with."""
    artifact = _export(tmp_path, ranking="int8")
    network = make_tiny_network(seed=1)
    export_step_graph(network, artifact.step_path)
    export_rank_graph(
        make_tiny_network(seed=2),
        artifact.rank_path,
        list_length=20,
        ring_length=5,
        coarse=artifact.manifest.ranking.coarse,
    )
    with pytest.raises(ParityError, match="The step gate is shut"):
        check_parity(network, artifact)
