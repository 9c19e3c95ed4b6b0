"""Artifacts whose rank.onnx takes boosts, from the exporter to the runtime."""

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from export.artifact import Artifact, load_artifact
from export.parity import check_parity
from export.rank_graph import export_rank_graph
from export.ranking_choice import RankingMethod
from export.runtime import ModelRuntime, no_exclusions
from models.boosts import Boosts
from models.counts.recipe import CountsRecipe
from models.errors import ArtifactError, ParityError
from tests.factories import make_tiny_artifact, make_tiny_network

RECIPE = CountsRecipe(boost_length=7)


@pytest.fixture(scope="module", params=["exact", "int8"])
def boosted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """An artifact with counts; the gates were passed with boosts."""
    ranking: RankingMethod = request.param
    return make_tiny_artifact(tmp_path_factory.mktemp("boosted") / "artifact", ranking=ranking, counts=RECIPE)


def test_the_recipe_is_in_the_manifest(boosted: Artifact) -> None:
    manifest = load_artifact(boosted.folder).manifest
    assert (manifest.counts, manifest.boost_length, manifest.ranking.recall) == (RECIPE, 7, 1.0)


def test_boosts_lift_items_to_the_top(boosted: Artifact) -> None:
    runtime = ModelRuntime(boosted)
    boosts = Boosts(np.full((2, 7), -1), np.zeros((2, 7), np.float32))
    boosts.item_index[1, 3], boosts.value[1, 3] = 17, 50.0
    top_item, _ = runtime.rank(runtime.initial_state(2), no_exclusions(2, 5), np.zeros(30, np.float32), boosts)
    assert top_item[1, 0] == 17
    assert top_item[0, 0] != 17
    assert top_item[1, 1:].tolist() == [item for item in top_item[0].tolist() if item != 17][:9]


def test_without_boosts_it_lists_what_a_model_without_counts_lists(boosted: Artifact, tmp_path: Path) -> None:
    plain = ModelRuntime(make_tiny_artifact(tmp_path / "plain", ranking=boosted.manifest.ranking.kind))
    state, nothing, no_bias = plain.initial_state(3), no_exclusions(3, 5), np.zeros(30, np.float32)
    expected_item, expected_score = plain.rank(state, nothing, no_bias)
    top_item, top_score = ModelRuntime(boosted).rank(state, nothing, no_bias)
    assert top_item.tobytes() == expected_item.tobytes()
    assert top_score.tobytes() == expected_score.tobytes()


def test_a_model_without_counts_refuses_boosts_and_says_nothing_of_them(tiny_artifact: Artifact) -> None:
    """Its manifest is what it was before there were counts, so that artifacts of then keep their ids."""
    assert "counts" not in (tiny_artifact.folder / "manifest.json").read_text()
    runtime = ModelRuntime(tiny_artifact)
    boosts = Boosts(np.full((1, 7), -1), np.zeros((1, 7), np.float32))
    with pytest.raises(ArtifactError, match="takes no boosts"):
        runtime.rank(runtime.initial_state(1), no_exclusions(1, 5), np.zeros(30, np.float32), boosts)


def test_useless_counts_make_no_graph_that_takes_boosts(tmp_path: Path) -> None:
    artifact = make_tiny_artifact(tmp_path / "artifact", counts=replace(RECIPE, useless=True))
    assert artifact.manifest.counts == replace(RECIPE, useless=True)
    assert artifact.manifest.boost_length == 0


def test_the_step_gate_is_shut_to_a_graph_that_leaves_boosts_out(boosted: Artifact) -> None:
    """One without the inputs is refused, whatever its lists; one of other weights differs also where it is boosted."""
    graph = boosted.rank_path.read_bytes()
    network = make_tiny_network()
    try:
        export_rank_graph(network, boosted.rank_path, list_length=10, ring_length=5)
        with pytest.raises(ArtifactError, match=r"boost_index \(B, 7\).*export the model again"):
            ModelRuntime(boosted)
        deaf = replace(boosted.manifest, counts=None)
        assert check_parity(network, Artifact(boosted.folder, deaf)).step_max_abs_difference < 1e-5
        export_rank_graph(make_tiny_network(seed=1), boosted.rank_path, list_length=10, ring_length=5, boost_length=7)
        with pytest.raises(ParityError, match="The step gate is shut"):
            check_parity(network, boosted)
    finally:
        boosted.rank_path.write_bytes(graph)
