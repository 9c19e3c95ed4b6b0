"""The network by itself, what it learns of made ratings that only a history explains, and its way into an artifact."""

from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from export.exporter import export_model
from export.runtime import ModelRuntime, no_exclusions
from models.networks.lstm import LSTMConfig
from models.networks.rating_lstm import RatingLSTMNetwork, remember
from models.ratings.means import ItemMean, UserMean
from models.ratings.rating_data import Ratings, RatingSplit
from models.ratings.rating_lstm import RatingLSTM
from models.ratings.rating_metrics import evaluate_ratings
from models.sequences.features import Value
from tests.factories import make_tiny_model

SMALL = RatingLSTM(
    embedding_size=4,
    hidden_size=8,
    embedding_dropout=0.0,
    output_dropout=0.0,
    memory=20,
    epochs=50,
    learning_rate=0.02,
    weight_decay=0.0,
    users_at_once=10,
    window=10,
)


def make_network() -> RatingLSTMNetwork:
    """Thirty items, the first of them rated one better than the others; random weights."""
    torch.manual_seed(0)
    item_bias = torch.eye(30)[0]
    network = RatingLSTMNetwork(LSTMConfig(embedding_size=4, hidden_size=6), Value(3.5, 1.0), item_bias, memory=10)
    assert isinstance(network.projection, torch.nn.Linear)
    torch.nn.init.normal_(network.projection.weight)
    return network.eval()


def make_split(seed: int = 0) -> RatingSplit:
    """A hundred and twenty users, half of them generous, who rate ten items twenty times.

    Each likes even items or odd ones, which only what he rated before can tell. Ten begin after the cut.
    """
    random = np.random.default_rng(seed)
    users = np.repeat(np.arange(120), 20)
    items = random.integers(10, size=len(users))
    level, side = random.choice([-1.0, 1.0], 120), random.integers(2, size=120)
    value = 3.0 + level[users] + np.where(items % 2 == side[users], 0.7, -0.7) + random.normal(0, 0.1, len(users))
    position = np.tile(np.arange(20), 120)
    later = (users >= 110) | (position >= 15)
    times = np.arange(len(users))
    train, test = (Ratings(users[part], items[part], value[part], times[part]) for part in (~later, later))
    return RatingSplit(train, test, 120, tuple(f"item-{number}" for number in range(10)))


def test_chained_steps_equal_one_forward_pass() -> None:
    """Scores are predicted ratings, on the stream as in training."""
    network = make_network()
    item_index, rating = torch.randint(30, (3, 6)), torch.randn(3, 6, 1)
    with torch.inference_mode():
        output, _ = network(item_index, rating, network.initial_state(3))
        state = network.initial_state(3)
        for click in range(6):
            state = network.step(item_index[:, click], rating[:, click], state)
            torch.testing.assert_close(network.scores(state), network.item_scores(output[:, click]))
            every = torch.arange(30)
            torch.testing.assert_close(
                network.ratings(output[:1, click].expand(30, -1), every), network.scores(state)[0]
            )


def test_a_user_without_ratings_is_predicted_the_items_means() -> None:
    """3.5 for most, 4.5 for the first item."""
    network = make_network()
    assert network.scores(network.initial_state(1))[0, :3].tolist() == [4.5, 3.5, 3.5]


def test_cells_remember_as_long_as_they_are_told() -> None:
    """Forget gates open by memory / (1 + memory), input gates by what is left of it."""
    weights = list(torch.nn.LSTM(3, 50).parameters())
    remember(weights, 100)
    biases = weights[2] + weights[3]
    kept, taken = torch.sigmoid(biases[50:100]), torch.sigmoid(biases[:50])
    torch.testing.assert_close(kept + taken, torch.ones(50))
    assert kept.min() >= 0.5
    assert 0.95 < kept.max() <= 0.99


def test_what_a_history_tells_is_learned() -> None:
    """Neither the user's mean nor the item's knows who likes which items: its error is the 0.7 that they miss."""
    split = make_split()
    rmse = {
        name: evaluate_ratings(model.fit(split), split, resamples=10)["RMSE"].value
        for name, model in (("user", UserMean()), ("item", ItemMean()), ("lstm", SMALL))
    }
    assert rmse["item"] > 1.0
    assert rmse["user"] > 0.7
    assert rmse["lstm"] < 0.5


def test_the_same_seed_gives_the_same_predictions() -> None:
    """And leaves the caller's random numbers alone."""
    split, short = make_split(), replace(SMALL, epochs=1)
    torch.manual_seed(1)
    once = short.fit(split).predict(split)
    drawn = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(1), drawn)
    assert np.array_equal(once, short.fit(split).predict(split))
    assert not np.array_equal(once, replace(short, seed=1).fit(split).predict(split))


def test_an_unknown_item_is_predicted_the_users_level() -> None:
    """It moves nothing: what comes after it is predicted as if it had not been there."""
    split = make_split()
    unknown = Ratings(np.array([3, 3]), np.array([-1, 4]), np.array([5.0, 4.0]), np.array([9_998, 9_999]))
    without = Ratings(np.array([3]), np.array([4]), np.array([4.0]), np.array([9_999]))
    predictor = replace(SMALL, epochs=1).fit(split)
    with_unknown = predictor.predict(RatingSplit(split.train, unknown, 120, split.item_ids))
    assert with_unknown[1] == predictor.predict(RatingSplit(split.train, without, 120, split.item_ids))[0]
    assert 1.0 < with_unknown[0] < 5.0


def test_it_is_exported_as_any_network(tmp_path: Path) -> None:
    """Through all three gates; a list is of the highest predicted ratings, given what the click's value was."""
    network = make_network()
    model = make_tiny_model(network=network, kind="rating_lstm", features=(Value(3.5, 1.0),))
    artifact = export_model(model, tmp_path / "artifact", list_length=10, ring_length=5, state_dtype="float32")
    runtime = ModelRuntime(artifact)
    state = runtime.step(np.array([4]), np.array([[1.5]], np.float32), runtime.initial_state(1))
    top_item, top_score = runtime.rank(state, no_exclusions(1, 5), np.zeros(30, np.float32))
    expected = network.scores(network.step(torch.tensor([4]), torch.tensor([[1.5]]), network.initial_state(1)))
    best = torch.topk(expected[0], 10)
    assert top_item[0].tolist() == best.indices.tolist()
    assert top_score[0] == pytest.approx(best.values.detach().numpy(), abs=1e-4)
