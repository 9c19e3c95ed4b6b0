"""`rating_lstm`: the next rating from all ratings before it, by an LSTM. Legend in the package.

Trained on every rating before the cut, each predicted from those of the same user before it, by squared error.

Legend: R users learned together, T ratings of a piece.
"""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.bounds import AtLeastOne, AtLeastZero, NotNegative, Positive, ProperFraction
from models.networks.lstm import LSTMConfig
from models.networks.rating_lstm import RatingLSTMNetwork
from models.networks.sequence_network import NetworkState
from models.ratings.means import ItemMean
from models.ratings.rating_data import RatingSplit
from models.ratings.rating_predictor import UserHistory, user_histories, user_rows
from models.sequences.features import Value, encode_features


class RatingLSTM(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="rating_lstm"):
    """An LSTM over (item, rating) pairs.

    Attributes:
        embedding_size: E.
        hidden_size: H.
        embedding_dropout: Share of an item's components that is zeroed in training where it is an input.
        output_dropout: The same for the LSTM's output.
        item_damping: How many ratings of the overall mean each item's bias begins with.
        memory: About how many ratings the cells are to remember, at first.
        learning_rate: Of AdamW.
        weight_decay: Of AdamW.
        users_at_once: R.
        window: T; gradients stop where a piece begins, the state goes on.
        epochs: Passes over the ratings before the cut.
        seed: Of the weights, the dropout and the order of users.
    """

    embedding_size: AtLeastOne = 32
    hidden_size: AtLeastOne = 32
    embedding_dropout: ProperFraction = 0.2
    output_dropout: ProperFraction = 0.3
    item_damping: NotNegative = 3.0
    memory: AtLeastOne = 200
    learning_rate: Positive = 0.003
    weight_decay: NotNegative = 1.0
    users_at_once: AtLeastOne = 16
    window: AtLeastOne = 50
    epochs: AtLeastOne = 8
    seed: AtLeastZero = 0

    def fit(self, split: RatingSplit) -> "RatingLSTMPredictor":
        """Learn from the ratings before the cut."""
        train = split.train
        feature = Value(float(train.value.mean()), float(train.value.std()) or 1.0)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = self._first_network(split, feature)
            optimiser = torch.optim.AdamW(network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)
            histories = [_Sequence(train.item_index[rows], train.value[rows], feature) for rows in user_rows(train)]
            order = np.random.default_rng(self.seed)
            for _ in range(self.epochs):
                self._run_epoch(network.train(), optimiser, histories, order)
        return RatingLSTMPredictor(network.eval(), feature)

    def _first_network(self, split: RatingSplit, feature: Value) -> RatingLSTMNetwork:
        config = LSTMConfig(
            embedding_size=self.embedding_size,
            hidden_size=self.hidden_size,
            embedding_dropout=self.embedding_dropout,
            output_dropout=self.output_dropout,
        )
        means = ItemMean(self.item_damping).fit(split)
        item_bias = torch.from_numpy(means.means - means.overall).float()
        return RatingLSTMNetwork(config, feature, item_bias, self.memory)

    def _run_epoch(
        self,
        network: RatingLSTMNetwork,
        optimiser: torch.optim.Optimizer,
        histories: Sequence["_Sequence"],
        order: np.random.Generator,
    ) -> None:
        # Users of similar length are learned together, so that little is padding; which of them come first is chance.
        by_length = sorted(histories, key=len)
        blocks = [
            by_length[begin : begin + self.users_at_once] for begin in range(0, len(by_length), self.users_at_once)
        ]
        for block in order.permutation(len(blocks)):
            state = network.initial_state(len(blocks[block]))
            for piece in _pieces(blocks[block], self.window):
                output, after = _outputs_before(network, piece, state)
                predicted = network.ratings(output[piece.is_rating], piece.item_index[piece.is_rating])
                squared = (predicted - piece.value[piece.is_rating]) ** 2
                optimiser.zero_grad()
                # Divided by a constant: a rating weighs the same however many are learned with it.
                (squared.sum() / (self.users_at_once * self.window)).backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                state = tuple(tensor.detach() for tensor in after)


class RatingLSTMPredictor:
    """Steps through each user's ratings and predicts the next one.

    Attributes:
        network: In evaluation mode.
        feature: How a rating is normalised.
    """

    def __init__(self, network: RatingLSTMNetwork, feature: Value) -> None:
        self.network = network
        self.feature = feature

    def predict(self, split: RatingSplit) -> NDArray[np.float64]:
        """Predict each rating after the cut, within the scale of the ratings before it."""
        predicted = np.empty(len(split.test))
        with torch.inference_mode():
            for history in user_histories(split):
                predicted[history.rows] = self._predict_user(history)
        return np.clip(predicted, *split.scale)

    def _predict_user(self, history: UserHistory) -> NDArray[np.float64]:
        """Predict one user's ratings after the cut; a rating of an unknown item leaves the state as it is."""
        known = history.item_index >= 0
        sequence = _Sequence(history.item_index[known], history.value[known], self.feature)
        outputs = self.network.query(self.network.initial_state(1))  # (1, E + 1)
        if len(sequence):
            after, _ = self.network(sequence.item_index[None], sequence.features[None], self.network.initial_state(1))
            outputs = torch.cat((outputs, after[0]))
        before = torch.from_numpy(np.cumsum(known) - known)[history.known :]  # known ratings before each
        item_index = torch.from_numpy(history.item_index[history.known :])
        output = outputs[before]
        # Of an unknown item, what the user gives on the whole.
        level = self.network.mean + output[:, -1]
        rating = torch.where(item_index >= 0, self.network.ratings(output, item_index.clamp(min=0)), level)
        return rating.double().numpy()


class _Sequence:
    """Ratings of one user in order of time, as tensors."""

    def __init__(self, item_index: NDArray[np.int64], value: NDArray[np.float64], feature: Value) -> None:
        self.item_index = torch.from_numpy(item_index)
        self.value = torch.from_numpy(value).float()
        encoded = encode_features((feature,), np.zeros(len(value), np.int64), [None] * len(value), value)
        self.features = torch.from_numpy(encoded)

    def __len__(self) -> int:
        return len(self.item_index)


class _Piece(msgspec.Struct, frozen=True):
    """T ratings of R users, padded at the end."""

    item_index: Tensor  # (R, T)
    value: Tensor  # (R, T)
    features: Tensor  # (R, T, 1)
    is_rating: Tensor  # (R, T)


def _pieces(users: Sequence[_Sequence], window: int) -> Iterator[_Piece]:
    pad = torch.nn.utils.rnn.pad_sequence
    item_index = pad([user.item_index for user in users], batch_first=True)
    value = pad([user.value for user in users], batch_first=True)
    features = pad([user.features for user in users], batch_first=True)
    length = torch.tensor([len(user) for user in users])
    is_rating = torch.arange(item_index.shape[1]) < length[:, None]
    for begin in range(0, item_index.shape[1], window):
        part = slice(begin, begin + window)
        yield _Piece(item_index[:, part], value[:, part], features[:, part], is_rating[:, part])


def _outputs_before(network: RatingLSTMNetwork, piece: _Piece, state: NetworkState) -> tuple[Tensor, NetworkState]:
    """Return the output before each rating, (R, T, E + 1), and the state after the last one."""
    first = network.query(state)  # (R, E + 1): of a piece's first rating, without dropout
    output, after = network(piece.item_index, piece.features, state)
    return torch.cat((first[:, None], output[:, :-1]), dim=1), after
