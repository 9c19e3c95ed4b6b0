from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch.nn import functional

from models.errors import TrainingError
from models.evaluation.protocol import EvaluationReport, evaluate_network
from models.networks.lstm import LSTMConfig, LSTMNetwork
from models.networks.sequence_network import NetworkInputs, SequenceNetwork
from models.sequences.encoded_sessions import EncodedSessions
from models.training.config import BatchSection, TrainingConfig, ValidationSection
from models.training.early_stopping import EarlyStopping
from models.training.epoch_report import EpochReport, best_epoch
from models.training.loop import train_network
from models.training.optimisers import SGD, Adam
from models.training.progress import TrainingProgress
from models.training.schedules import StepDecay
from tests.encoded import make_sessions

ITEMS = 7


def make_cycle(sessions: int = 30, length: int = 6) -> EncodedSessions:
    """Sessions that walk the items in a circle from here or there: the next item is certain."""
    return make_sessions(*([(start + step) % ITEMS for step in range(length)] for start in range(sessions)))


def make_network(seed: int = 0, *, dropout: float = 0.0) -> LSTMNetwork:
    """A small network with repeatable weights."""
    torch.manual_seed(seed)
    config = LSTMConfig(embedding_size=8, hidden_size=8, embedding_dropout=dropout, output_dropout=dropout)
    return LSTMNetwork(config, NetworkInputs(ITEMS))


def make_config(
    *,
    epochs: int = 1,
    optimiser: SGD | Adam = Adam(learning_rate=0.03),  # noqa: B008 - frozen
    batches: BatchSection = BatchSection(lanes=4, window=4, loss_divisor=4.0),  # noqa: B008 - frozen
    gradient_clip_norm: float | None = None,
    patience: int = 3,
    seed: int = 0,
) -> TrainingConfig:
    """A configuration for a few seconds."""
    return TrainingConfig(
        batches=batches,
        optimiser=optimiser,
        validation=ValidationSection(metric="Recall@1", patience=patience),
        epochs=epochs,
        gradient_clip_norm=gradient_clip_norm,
        seed=seed,
    )


@dataclass
class RecordingProgress:
    """Keeps what it is told."""

    begun: list[tuple[int, int]] = field(default_factory=list)
    resumed: list[tuple[int, int]] = field(default_factory=list)
    clicks: int = 0
    reports: list[EpochReport] = field(default_factory=list)

    def begin(self, epochs: int, clicks: int) -> None:
        """Keep it."""
        self.begun.append((epochs, clicks))

    def resume(self, epoch: int, clicks: int) -> None:
        """Keep it."""
        self.resumed.append((epoch, clicks))

    def advance(self, clicks: int, loss: float) -> None:
        """Keep it."""
        assert loss > 0
        self.clicks += clicks

    def end_epoch(self, report: EpochReport) -> None:
        """Keep it."""
        self.reports.append(report)


def loss_of(report: EpochReport) -> float:
    """The mean loss of a click; only counted models have none."""
    assert report.loss is not None
    return report.loss


def weights(network: SequenceNetwork) -> torch.Tensor:
    """All weights in one row."""
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def train(
    network: SequenceNetwork,
    sessions: EncodedSessions,
    config: TrainingConfig,
    *,
    validation: EncodedSessions | None = None,
    progress: TrainingProgress | None = None,
) -> tuple[EpochReport, ...]:
    """Train on sessions of `ITEMS` items."""
    popularity = np.bincount(sessions.item_index, minlength=ITEMS)
    return train_network(network, sessions, config, popularity=popularity, validation=validation, progress=progress)


@pytest.mark.parametrize("order", ["time", "shuffled"])
def test_a_certain_next_item_is_learned(order: str) -> None:
    """On a circle of items Recall@1 reaches 1."""
    network, sessions = make_network(), make_cycle()
    batches = BatchSection(order="time" if order == "time" else "shuffled", lanes=4, window=4, loss_divisor=4.0)
    history = train(network, sessions, make_config(epochs=15, batches=batches))
    assert evaluate_network(network, sessions).metrics["Recall@1"] == 1.0
    assert loss_of(history[-1]) < loss_of(history[0]) / 4


def test_one_update_is_the_summed_loss_over_a_constant() -> None:
    """Two sessions of 4 and 2 clicks, one batch: SGD moves the weights by the gradient of the sum of four losses."""
    sessions = make_sessions([0, 1, 2, 3], [4, 5])
    network, reference = make_network(), make_network()
    config = make_config(
        optimiser=SGD(learning_rate=0.1, momentum=0.0), batches=BatchSection(lanes=2, window=9, loss_divisor=10.0)
    )
    (report,) = train(network, sessions, config)

    losses = []
    for clicks in ([0, 1, 2, 3], [4, 5]):
        inputs, targets = torch.tensor([clicks[:-1]]), torch.tensor(clicks[1:])
        output, _ = reference(inputs, torch.zeros(1, len(targets), 0), reference.initial_state(1))
        losses.append(functional.cross_entropy(reference.item_scores(output[0]), targets, reduction="sum"))
    total = torch.stack(losses).sum()
    gradients = torch.autograd.grad(total / 10.0, list(reference.parameters()))
    expected = weights(reference) - 0.1 * torch.cat([gradient.flatten() for gradient in gradients])
    torch.testing.assert_close(weights(network), expected)
    assert report.loss == pytest.approx(total.item() / 4)


def test_a_session_does_not_depend_on_the_one_before_it_in_its_lane() -> None:
    """With a learning rate of nearly zero, the loss of two sessions in one lane is that of each alone."""
    still = make_config(optimiser=SGD(learning_rate=1e-12), batches=BatchSection(lanes=1, window=2))
    first, second = [0, 1, 2, 3, 4], [5, 6, 0]
    (both,) = train(make_network(), make_sessions(first, second), still)
    (alone,) = train(make_network(), make_sessions(first), still)
    (other,) = train(make_network(), make_sessions(second), still)
    assert loss_of(both) * 6 == pytest.approx(loss_of(alone) * 4 + loss_of(other) * 2, rel=1e-5)


def test_a_state_is_carried_from_piece_to_piece() -> None:
    """Cut into windows of one click, a session's loss is that of the whole session: nothing is forgotten between."""
    sessions = make_sessions([0, 1, 2, 3, 4, 5, 6])
    still = [
        make_config(optimiser=SGD(learning_rate=1e-12), batches=BatchSection(lanes=3, window=window))
        for window in (1, 50)
    ]
    (cut,), (whole,) = (train(make_network(), sessions, config) for config in still)
    assert cut.loss == pytest.approx(whole.loss, rel=1e-5)


@pytest.mark.parametrize("order", ["time", "shuffled"])
def test_the_same_seed_gives_the_same_weights(order: str) -> None:
    """Bit for bit, dropout and shuffling included; another seed gives others."""
    batches = BatchSection(order="time" if order == "time" else "shuffled", lanes=4, window=4)

    def run(seed: int) -> torch.Tensor:
        network = make_network(seed, dropout=0.3)
        train(network, make_cycle(), make_config(epochs=2, batches=batches, seed=seed))
        return weights(network)

    assert torch.equal(run(1), run(1))
    assert not torch.equal(run(1), run(2))


def test_the_schedule_sets_the_learning_rate() -> None:
    """Halved after each epoch."""
    config = TrainingConfig(
        optimiser=SGD(learning_rate=0.4, momentum=0.0), schedule=StepDecay(every_epochs=1, gamma=0.5), epochs=3
    )
    assert [report.learning_rate for report in train(make_network(), make_cycle(), config)] == [0.4, 0.2, 0.1]


def test_a_clipped_gradient_moves_the_weights_no_further_than_its_norm() -> None:
    """One update of SGD at learning rate 1 moves by exactly the clip norm."""
    network, before = make_network(), weights(make_network())
    sessions = make_sessions([0, 1, 2, 3])
    config = make_config(
        optimiser=SGD(learning_rate=1.0, momentum=0.0),
        batches=BatchSection(lanes=1, window=9, loss_divisor=0.01),
        gradient_clip_norm=0.5,
    )
    train(network, sessions, config)
    assert torch.linalg.vector_norm(weights(network) - before).item() == pytest.approx(0.5, rel=1e-3)


def test_progress_is_told_of_every_click_and_epoch() -> None:
    """30 sessions of 6 clicks are 150 predictions an epoch."""
    progress = RecordingProgress()
    history = train(make_network(), make_cycle(), make_config(epochs=2), progress=progress)
    assert progress.begun == [(2, 150)]
    assert progress.clicks == 300
    assert progress.reports == list(history)
    assert [report.epoch for report in history] == [1, 2]


def test_early_stopping_ends_with_the_weights_of_the_best_epoch() -> None:
    """Once the circle is learned nothing improves; two epochs later training ends with what the best epoch knew."""
    network, sessions = make_network(), make_cycle()
    history = train(network, sessions, make_config(epochs=60, patience=2), validation=make_cycle(sessions=5))
    values = [report.validation.metrics["Recall@1"] for report in history if report.validation is not None]
    best = values.index(max(values))
    assert values[best] == 1.0
    assert len(values) == best + 3
    assert best_epoch(history, "Recall@1") == best + 1


def make_report(epoch: int, recall: float) -> EpochReport:
    """An epoch that reached this Recall@1 on the validation period."""
    validation = EvaluationReport(metrics={"Recall@1": recall}, predictions=1, sessions=1, unknown_targets=0)
    return EpochReport(epoch=epoch, loss=1.0, learning_rate=0.1, seconds=0.0, validation=validation)


def test_the_best_epoch_is_kept_while_later_ones_are_worse() -> None:
    """Weights move on after the best epoch, and come back at the end; an equal figure is no improvement."""
    network, stopping = make_network(), EarlyStopping(ValidationSection(metric="Recall@1", patience=2))
    over = []
    for epoch, recall in enumerate([0.1, 0.3, 0.2, 0.3], start=1):
        with torch.no_grad():
            network.items.output_bias.fill_(float(epoch))
        stopping.observe(make_report(epoch, recall), network)
        over.append(stopping.is_over)
    stopping.restore(network)
    assert over == [False, False, False, True]
    assert network.items.output_bias.tolist() == [2.0] * ITEMS


def test_the_best_epoch_is_the_first_of_equals_or_the_last_of_all() -> None:
    """By the metric where there was a validation period; without one the last weights stay."""
    assert best_epoch([make_report(1, 0.1), make_report(2, 0.3), make_report(3, 0.3)], "Recall@1") == 2
    unvalidated = EpochReport(epoch=4, loss=1.0, learning_rate=0.1, seconds=0.0, validation=None)
    assert best_epoch([unvalidated], "Recall@1") == 4


def test_a_loss_that_is_not_finite_ends_training_with_the_remedy() -> None:
    """A learning rate beyond reason: the message says where it happened and what to lower."""
    config = make_config(optimiser=SGD(learning_rate=1e38))
    with pytest.raises(TrainingError, match=r"is (inf|nan) in epoch 1, batch \d, at learning rate 1e\+38: lower"):
        train(make_network(), make_cycle(), config)


def test_nothing_to_train_on_is_an_error() -> None:
    """Sessions of one click have no next click."""
    with pytest.raises(TrainingError, match="no session has two clicks"):
        train(make_network(), make_sessions([1], [2]), make_config())
