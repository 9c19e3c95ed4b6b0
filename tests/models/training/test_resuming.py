from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from models.errors import CheckpointError, SettingsError, TrainingInterrupted
from models.items.item_contents import ItemContents
from models.items.text_vocabulary import TextVocabulary
from models.networks.lstm import LSTMConfig
from models.networks.sequence_network import NetworkInputs
from models.sequences.encoded_sessions import EncodedSessions
from models.training.config import BatchSection, TrainingConfig, ValidationSection
from models.training.epoch_report import EpochReport
from models.training.execution import Execution
from models.training.loop import train_network
from models.training.losses import SampledSoftmax
from models.training.optimisers import SGD, Adagrad, Adam, OptimiserConfig, RMSProp
from models.training.run_keeping import RunKeeping
from models.training.state import digest_of
from tests.encoded import make_sessions

ITEMS = 7


def make_circles(sessions: int = 24, length: int = 9) -> EncodedSessions:
    """Sessions that walk the items in a circle from here or there."""
    return make_sessions(*([(start + step) % ITEMS for step in range(length)] for start in range(sessions)))


def make_config(*, optimiser: OptimiserConfig = Adam(learning_rate=0.03), epochs: int = 3) -> TrainingConfig:  # noqa: B008
    """A network whose training draws from every generator: dropout, negatives, the order of the sessions."""
    return TrainingConfig(
        network=LSTMConfig(embedding_size=8, hidden_size=8, embedding_dropout=0.3, output_dropout=0.3),
        loss=SampledSoftmax(negatives=4),
        batches=BatchSection(order="shuffled", lanes=4, window=3, loss_divisor=4.0),
        optimiser=optimiser,
        validation=ValidationSection(metric="MRR@20", patience=2),
        epochs=epochs,
    )


def run(
    config: TrainingConfig, keeping: RunKeeping | None = None, sessions: EncodedSessions | None = None
) -> tuple[torch.Tensor, tuple[EpochReport, ...]]:
    """Train a network and return its weights in one row and the history without the clock."""
    sessions = sessions or make_circles()
    torch.manual_seed(config.seed)
    network = config.network.build(NetworkInputs(ITEMS))
    history = train_network(
        network,
        sessions,
        config,
        popularity=np.bincount(sessions.item_index, minlength=ITEMS),
        validation=make_circles(sessions=6),
        execution=Execution(keeping=keeping),
    )
    weights = torch.cat([parameter.detach().flatten() for parameter in network.parameters()])
    return weights, tuple(msgspec.structs.replace(report, seconds=0.0) for report in history)


def stop_after(batches: int) -> Callable[[], bool]:
    """Say stop after so many batches."""
    asked = iter(range(batches))
    return lambda: next(asked, None) is None


@pytest.mark.parametrize(
    ("optimiser", "batches"),
    [
        (Adam(learning_rate=0.03), 17),
        (Adagrad(learning_rate=0.1), 25),
        (RMSProp(learning_rate=0.01, momentum=0.5), 18),
        (SGD(learning_rate=0.1), 1),
    ],
)
def test_an_interrupted_run_goes_on_to_the_same_weights(
    tmp_path: Path, optimiser: OptimiserConfig, batches: int
) -> None:
    """Bit for bit, wherever it was stopped: in the first epoch, at its end, in a later one, and twice on the way."""
    config = make_config(optimiser=optimiser)
    undisturbed, history = run(config)
    state = tmp_path / "state.safetensors"
    for _ in range(2):
        with pytest.raises(TrainingInterrupted, match="the same command goes on"):
            run(config, RunKeeping(state, should_stop=stop_after(batches)))
    resumed, resumed_history = run(config, RunKeeping(state))
    assert torch.equal(resumed, undisturbed)
    assert resumed_history == history


def test_a_finished_run_is_not_run_again(tmp_path: Path) -> None:
    """Killed between its last epoch and its checkpoint, it ends at once, with the weights of its best epoch."""
    keeping = RunKeeping(tmp_path / "state.safetensors")
    finished, history = run(make_config(), keeping)
    again, same_history = run(make_config(), RunKeeping(keeping.file, should_stop=lambda: pytest.fail("it learns")))
    assert torch.equal(finished, again)
    assert same_history == history


def test_the_state_is_kept_within_an_epoch(tmp_path: Path) -> None:
    """Every so often, not only at its end; nothing half-written stays beside it."""
    written: list[int] = []
    state = tmp_path / "state.safetensors"

    def look() -> bool:
        written.append(state.stat().st_mtime_ns if state.exists() else 0)
        return False

    run(make_config(epochs=1), RunKeeping(state, every_s=0.0, should_stop=look))
    assert len(set(written)) > 10
    assert [path.name for path in tmp_path.iterdir()] == ["state.safetensors"]


def test_another_run_is_refused(tmp_path: Path) -> None:
    """Another learning rate, other clicks: the line says which and what to do."""
    keeping = RunKeeping(tmp_path / "state.safetensors")
    run(make_config(epochs=1), keeping)
    with pytest.raises(SettingsError, match=r"interrupted in epoch 2: epochs was 1 there and is 2 here\. .*--restart"):
        run(make_config(epochs=2), keeping)
    with pytest.raises(SettingsError, match=r'optimiser was \{"name":"adam","learning_rate":0.03,'):
        run(make_config(epochs=1, optimiser=Adagrad()), keeping)
    with pytest.raises(SettingsError, match="clicks were others"):
        run(make_config(epochs=1), keeping, make_circles(sessions=25))
    keeping.discard()
    run(make_config(epochs=2), keeping)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no tensors", b"\x02\0\0\0\0\0\0\0{}"])
def test_a_damaged_state_is_refused(tmp_path: Path, content: bytes) -> None:
    """Cut short, something else, without a header of ours."""
    state = tmp_path / "state.safetensors"
    state.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"is not the state of a training run.*--restart"):
        run(make_config(), RunKeeping(state))


def test_the_digest_tells_data_apart() -> None:
    """Where sessions end, what was clicked, and which part is validated on."""
    one, other = make_sessions([0, 1], [2, 3]), make_sessions([0, 1, 2], [3])
    digests = {digest_of(one), digest_of(other), digest_of(one, other), digest_of(other, one), digest_of(one, None)}
    assert len(digests) == 5
    assert digest_of(make_sessions([0, 1], [2, 3])) == digest_of(one)


def test_the_digest_tells_what_is_read_of_items_apart() -> None:
    """Other tokens, other vectors, and a word that stands for the same token."""
    sessions = make_sessions([0, 1])

    def digest(token: int = 3, number: float = 0.5, word: str = "red") -> str:
        vocabulary = TextVocabulary(columns=("title",), words=(word,))
        contents = ItemContents(np.array([[2, token], [2, 1]]), np.array([[number], [0.0]], np.float32), vocabulary)
        return digest_of(sessions, contents=contents)

    assert len({digest_of(sessions), digest(), digest(token=1), digest(number=0.25), digest(word="blue")}) == 5
    assert digest() == digest()
