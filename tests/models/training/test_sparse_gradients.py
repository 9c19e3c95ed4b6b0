import msgspec
import numpy as np
import pytest
import torch

from models.errors import SettingsError
from models.networks.gru import GRUConfig
from models.networks.sequence_network import NetworkInputs, SequenceNetwork
from models.training.batches import iterate_lane_batches
from models.training.config import BatchSection, TrainingConfig, encode_training_config, parse_training_config
from models.training.learner import Learner
from models.training.loop import train_network
from models.training.losses import BPRMax, CrossEntropy, LossConfig, SampledSoftmax
from models.training.optimisers import SGD, Adagrad, Adam, OptimiserConfig
from models.training.processes import Processes
from models.training.sparse_gradients import use_sparse_gradients
from tests.encoded import make_sessions
from tests.models.training.test_losses import WholeCatalogue

ITEMS = 50
SESSIONS = make_sessions([0, 1, 2, 3, 4, 5], [6, 0, 1], [2, 3, 4], [7, 8, 9, 1])
POPULARITY = np.bincount(SESSIONS.item_index, minlength=ITEMS)
CONFIG = TrainingConfig(
    network=GRUConfig(embedding_size=8, hidden_size=8, embedding_dropout=0.0, output_dropout=0.0),
    loss=SampledSoftmax(negatives=6),
    batches=BatchSection(lanes=2, window=2, loss_divisor=4.0),
    optimiser=Adagrad(learning_rate=0.1),
    epochs=3,
)


def trained(config: TrainingConfig) -> dict[str, torch.Tensor]:
    """Weights after training."""
    torch.manual_seed(0)
    network = config.network.build(NetworkInputs(ITEMS))
    train_network(network, SESSIONS, config, popularity=POPULARITY)
    return network.state_dict()


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(
    ("loss", "optimiser", "clip"),
    [
        (SampledSoftmax(negatives=6), Adagrad(learning_rate=0.1, initial_accumulator=0.1), None),
        (SampledSoftmax(negatives=6), SGD(learning_rate=0.1, momentum=0.0), 0.05),
        (BPRMax(negatives=6), Adagrad(learning_rate=0.1, initial_accumulator=0.1), 0.05),
    ],
)
def test_sparse_gradients_lead_to_the_weights_of_dense_ones(
    loss: LossConfig, optimiser: OptimiserConfig, clip: float | None, *, tied: bool
) -> None:
    """But for rounding; also where the table is the embedding, and where the gradient's norm is cut.

    Adagrad begins with something summed up: else its first steps are as long for a gradient of rounding as for any.
    """
    network = msgspec.structs.replace(CONFIG.network, tied=tied)
    dense = msgspec.structs.replace(CONFIG, network=network, loss=loss, optimiser=optimiser, gradient_clip_norm=clip)
    sparse = msgspec.structs.replace(dense, sparse_gradients=True)
    expected = trained(dense)
    for name, tensor in trained(sparse).items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-4, atol=1e-5)


def test_a_step_touches_only_the_rows_of_its_batch() -> None:
    """Two windows of two clicks and six negatives: at most 4 rows looked up and 4 + 6 candidates, of a million."""
    network: SequenceNetwork = CONFIG.network.build(NetworkInputs(1_000_000))
    config = msgspec.structs.replace(CONFIG, sparse_gradients=True)
    learner = Learner(network, config, np.ones(1_000_000, dtype=np.int64), Processes())
    learner.begin_epoch()
    batch = next(iterate_lane_batches(SESSIONS, np.arange(4), lanes=2, window=2))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    learner.update(learner.loss_of(batch), 1.0)
    gradients = {name: weight.grad for name, weight in network.named_parameters() if weight.shape[0] == 1_000_000}
    assert set(gradients) == {"items.embedding.weight", "items.output_bias"}
    for name, gradient in gradients.items():
        assert gradient is not None
        assert gradient.is_sparse
        assert gradient._nnz() <= 14
        moved = (network.state_dict()[name] != before[name]).reshape(1_000_000, -1).any(dim=1)
        assert 4 <= int(moved.sum()) <= 14


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loss": CrossEntropy()}, "gives every item a gradient"),
        ({"optimiser": Adam()}, "needs the optimiser adagrad, or sgd with momentum = 0"),
        ({"optimiser": SGD(momentum=0.9)}, "needs the optimiser adagrad, or sgd with momentum = 0"),
    ],
)
def test_what_would_touch_every_row_is_refused(change: dict[str, object], message: str) -> None:
    """The line says what goes with sparse gradients; also where it is read from a file."""
    dense = msgspec.structs.replace(CONFIG, **change)
    file = b"sparse_gradients = true\n" + encode_training_config(dense).replace(b"sparse_gradients = false\n", b"")
    with pytest.raises(SettingsError, match=message):
        parse_training_config(file, "mine.toml")


def test_a_network_without_a_table_is_refused() -> None:
    """There are no rows to look up."""
    with pytest.raises(SettingsError, match="no table of items"):
        use_sparse_gradients(WholeCatalogue(NetworkInputs(6)))
