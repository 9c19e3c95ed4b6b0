from collections.abc import Iterator

import numpy as np
import pytest
import torch

from models.errors import SettingsError
from models.evaluation.protocol import evaluate_network
from models.networks.attention import AttentionConfig
from models.networks.fitted_network import FittedNetwork
from models.networks.gru import GRUConfig
from models.networks.kinds import NetworkConfig, kind_of
from models.networks.lru import LRUConfig
from models.networks.lstm import LSTMConfig
from models.networks.seq2seq import Seq2SeqConfig
from models.networks.sequence_network import NetworkInputs
from models.networks.transition_offset import TransitionOffsetConfig
from models.training.batches import iterate_lane_batches
from models.training.config import BatchSection, TrainingConfig
from models.training.devices import choose_device
from models.training.learner import Learner
from models.training.loop import train_network
from models.training.losses import BPRMax, CrossEntropy, LossConfig, SampledSoftmax
from models.training.optimisers import SGD
from models.training.processes import Processes
from tests.encoded import make_sessions
from tests.models.content import SMALL, make_content_network

ITEMS = 7
SESSIONS = make_sessions([0, 1, 2, 3, 4, 5], [6, 0, 1], [2, 3, 4], feature_width=2)
POPULARITY = np.bincount(SESSIONS.item_index, minlength=ITEMS)
LOSSES = [CrossEntropy(reciprocal_rank_weight=0.5), SampledSoftmax(negatives=4), BPRMax(negatives=4)]


@pytest.fixture
def other_device() -> Iterator[None]:
    """Put every tensor whose place nobody names on a device that the network is not on.

    There is no GPU where the tests run. `meta` is the device that has shapes and no numbers: whatever is computed with
    a tensor of it and a tensor of the network raises.
    """
    with torch.device("meta"):
        yield


def make_config(network: NetworkConfig, loss: LossConfig) -> TrainingConfig:
    """Two lanes, windows of two clicks. SGD: torch's other optimisers count their steps on the processor."""
    batches = BatchSection(lanes=2, window=2)
    return TrainingConfig(network=network, loss=loss, batches=batches, optimiser=SGD(learning_rate=0.1), epochs=1)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", [LSTMConfig, GRUConfig])
@pytest.mark.usefixtures("other_device")
def test_training_makes_every_tensor_on_the_networks_device(
    kind: type[LSTMConfig] | type[GRUConfig], loss: LossConfig
) -> None:
    """An epoch and its validation, dropout and negatives included."""
    config = make_config(kind(embedding_size=8, hidden_size=12), loss)
    with torch.device("cpu"):
        network = config.network.build(NetworkInputs(ITEMS, feature_width=2))
    (report,) = train_network(network, SESSIONS, config, popularity=POPULARITY, validation=SESSIONS)
    assert report.validation is not None
    assert report.validation == evaluate_network(network, SESSIONS)


@pytest.mark.parametrize(
    "network",
    [
        LSTMConfig(embedding_size=8, hidden_size=12, layers=2, layer_norm=True, repeat_window=3),
        GRUConfig(embedding_size=8, hidden_size=12, state_dropout=0.2, first_weights="glorot"),
        LRUConfig(embedding_size=8, hidden_size=12),
        AttentionConfig(embedding_size=8, window=2),
        Seq2SeqConfig(embedding_size=8, hidden_size=12, decoder_size=8),
        TransitionOffsetConfig(base=GRUConfig(embedding_size=8, hidden_size=12)),
    ],
    ids=kind_of,
)
@pytest.mark.usefixtures("other_device")
def test_so_does_training_of_every_kind(network: NetworkConfig) -> None:
    """Blocks of attention, scans, beam searches, counts of transitions: an epoch and its validation."""
    sessions = make_sessions([0, 1, 2, 3, 4, 5], [6, 0, 1], [2, 3, 4])
    config = make_config(network, CrossEntropy())
    with torch.device("cpu"):
        built = network.build(NetworkInputs(ITEMS, feature_width=0))
    if isinstance(built, FittedNetwork):
        built.fit(sessions)
    (report,) = train_network(built, sessions, config, popularity=POPULARITY, validation=sessions)
    assert report.validation is not None


@pytest.mark.usefixtures("other_device")
def test_so_does_training_of_items_that_are_read() -> None:
    """Their texts and vectors lie where the network does."""
    sessions = make_sessions([0, 1, 2, 3, 4, 5], [6, 0, 1], [2, 3, 4])
    with torch.device("cpu"):
        network = make_content_network(feature_width=0)
    config = make_config(SMALL, CrossEntropy())
    (report,) = train_network(network, sessions, config, popularity=np.ones(9, np.int64), validation=sessions)
    assert report.validation is not None


@pytest.mark.parametrize("loss", LOSSES)
def test_what_is_learned_is_moved_to_the_networks_device(loss: LossConfig) -> None:
    """With a network on a device of its own, the loss of a batch and the lanes' states are there too."""
    config = make_config(LSTMConfig(embedding_size=8, hidden_size=12), loss)
    network = config.network.build(NetworkInputs(ITEMS, feature_width=2)).to("meta")
    learner = Learner(network, config, POPULARITY, Processes())
    learner.begin_epoch()
    for batch in iterate_lane_batches(SESSIONS, np.arange(3), lanes=2, window=2):
        summed = learner.loss_of(batch)
        learner.update(summed, 1.0)
        assert {tensor.device.type for tensor in (summed, *learner.carried)} == {"meta"}


def test_a_gpu_that_is_not_there_is_an_error_or_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for by name it must be there; auto takes the processor."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    with pytest.raises(SettingsError, match="torch finds no GPU"):
        choose_device("cuda")


def test_each_process_of_a_machine_takes_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second process the second GPU; one process alone the first."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == torch.device("cuda", 0)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert choose_device("cuda") == torch.device("cuda", 1)
    assert choose_device("cpu") == torch.device("cpu")
