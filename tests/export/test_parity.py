"""Each gate against graphs that are wrong in the one way it is there for."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from export.artifact import Artifact
from export.exporter import export_model
from export.graphs import export_step_graph
from export.parity import check_parity
from export.rank_graph import export_rank_graph
from export.recurrent_network import TorchState
from models.errors import ParityError
from models.networks.lstm import LSTMNetwork
from tests.factories import make_tiny_model, make_tiny_network


class DecayedSum(nn.Module):
    """A recurrence of two lines, no LSTM: every click adds its item's vector to a sum that halves."""

    feature_width = 0
    row_number_tensors: frozenset[str] = frozenset()

    def __init__(self, item_count: int = 30) -> None:
        super().__init__()
        self.vectors = nn.Parameter(
            torch.randn(item_count, 8, generator=torch.Generator().manual_seed(0)), requires_grad=False
        )

    @property
    def state_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """One vector per user."""
        return {"clicked": (8,)}

    def step(self, item_index: Tensor, features: Tensor, state: TorchState) -> TorchState:  # noqa: ARG002 - it has none
        """Add what was clicked to half of what was there."""
        return (state[0] * 0.5 + self.vectors[item_index],)

    def scores(self, state: TorchState) -> Tensor:
        """Score by the dot product with the sum."""
        return state[0] @ self.vectors.T

    def sequence_scores(self, item_index: Tensor, features: Tensor) -> Tensor:
        """Step through the sequence."""
        state: TorchState = (torch.zeros(len(item_index), 8),)
        scores = []
        for position in range(item_index.shape[1]):
            state = self.step(item_index[:, position], features[:, position], state)
            scores.append(self.scores(state))
        return torch.stack(scores, dim=1)


class CentredState(DecayedSum):
    """Subtracts the mean over the batch: each user's state depends on who else is there."""

    def step(self, item_index: Tensor, features: Tensor, state: TorchState) -> TorchState:
        """Step, and look at the others."""
        (clicked,) = super().step(item_index, features, state)
        return (clicked - clicked.mean(dim=0, keepdim=True),)


class NormalisedScores(DecayedSum):
    """Divides the scores by the largest of the batch: the lists' scores depend on who else is there."""

    def scores(self, state: TorchState) -> Tensor:
        """Score, and look at the others."""
        scores = super().scores(state)
        return scores / scores.abs().max()


class ForgetfulTraining(DecayedSum):
    """Was trained on sequences that it forgets after every click, and is served as one that does not."""

    def sequence_scores(self, item_index: Tensor, features: Tensor) -> Tensor:  # noqa: ARG002 - as above
        """Score by the newest click alone."""
        return self.vectors[item_index] @ self.vectors.T


def _copied(artifact: Artifact, folder: Path) -> Artifact:
    return Artifact(Path(shutil.copytree(artifact.folder, folder / "copied")), artifact.manifest)


def _tiny_network(*, seed: int = 0) -> LSTMNetwork:
    return make_tiny_network(seed=seed)


def test_the_gates_are_open_to_graphs_of_the_network_itself(tiny_artifact: Artifact) -> None:
    """What was measured is written down: float32 noise over steps, over 32 of them, and none between batch sizes."""
    parity = check_parity(_tiny_network(), tiny_artifact)
    assert parity == tiny_artifact.manifest.parity
    assert 0 < parity.step_max_abs_difference < 1e-5
    assert 0 < parity.sequence_max_abs_difference < 1e-5
    assert parity.sequence_length == 32
    assert parity.batch_sizes == (1, 2, 3, 7, 16, 64, 256)


def test_any_recurrence_leaves_through_the_same_door(tmp_path: Path) -> None:
    """Nothing in the exporter knows of LSTMs: a state by any name and shape will do."""
    artifact = export_model(make_tiny_model(network=DecayedSum(), kind="decayed-sum"), tmp_path / "artifact")
    assert [(tensor.name, tensor.shape) for tensor in artifact.manifest.state] == [("clicked", (8,))]


def test_the_step_gate_is_shut_to_a_step_of_other_weights(tiny_artifact: Artifact, tmp_path: Path) -> None:
    """A graph of a network trained a little longer: the states differ."""
    stale = _copied(tiny_artifact, tmp_path)
    export_step_graph(_tiny_network(seed=1), stale.step_path)
    with pytest.raises(ParityError, match=r"The step gate is shut: .* differ by [\d.]+ .*tolerance 0.0001.*pyproject"):
        check_parity(_tiny_network(), stale)


def test_the_step_gate_is_shut_to_a_rank_of_other_weights(tiny_artifact: Artifact, tmp_path: Path) -> None:
    """The states agree, the scores do not."""
    stale = _copied(tiny_artifact, tmp_path)
    export_rank_graph(_tiny_network(seed=1), stale.rank_path, list_length=10, ring_length=5)
    with pytest.raises(ParityError, match=r"The step gate is shut: .* differ by [\d.]+ .*tolerance 0.0001"):
        check_parity(_tiny_network(), stale)


def test_the_sequence_gate_is_shut_to_a_step_that_training_does_not_know(tmp_path: Path) -> None:
    """Torch and onnxruntime agree on every step, and still the network was trained as something else."""
    with pytest.raises(ParityError, match=r"The sequence gate is shut: .* differ by [\d.]+ .*tolerance 0.0"):
        export_model(make_tiny_model(network=ForgetfulTraining()), tmp_path / "artifact")


@pytest.mark.parametrize(
    ("network", "output"), [(CentredState(), "clicked_next"), (NormalisedScores(), "top_item")], ids=["step", "rank"]
)
def test_the_batch_gate_is_shut_to_arithmetic_across_users(tmp_path: Path, network: DecayedSum, output: str) -> None:
    """Both agree with torch, batch by batch; only a comparison of batches of different sizes tells."""
    with pytest.raises(
        ParityError, match=rf"The batch gate is shut: {output} of a user in a batch of 2 .*tolerance 0\)"
    ):
        export_model(make_tiny_model(network=network), tmp_path / "artifact")
    assert not (tmp_path / "artifact").exists()


def test_the_step_gate_is_shut_to_a_network_that_is_not_a_number(tiny_artifact: Artifact) -> None:
    """NaN is not within any tolerance, in the score of any item."""
    network = make_tiny_network()
    with torch.no_grad():
        network.items.output_bias[3] = float("nan")
    with pytest.raises(ParityError, match="The step gate is shut: torch and onnxruntime differ by nan"):
        check_parity(network, tiny_artifact)


class Undecided(DecayedSum):
    """Makes lists as a whole, one order of the items in torch and the opposite one in its graph."""

    def list_scores(self, state: TorchState, bias: Tensor) -> Tensor:
        """Score by the row number, up or down."""
        sign = -1.0 if torch.compiler.is_exporting() else 1.0
        return sign * torch.arange(30.0) + bias + 0.0 * state[0][:, :1]


def test_the_step_gate_is_shut_to_lists_that_are_made_otherwise(tmp_path: Path) -> None:
    """Scores of a list made as a whole can only be compared where its items are the same: nearly everywhere."""
    with pytest.raises(
        ParityError, match=r"The step gate is shut: 256 of 256 lists are not those of torch, at most 1%"
    ):
        export_model(make_tiny_model(network=Undecided()), tmp_path / "artifact")
