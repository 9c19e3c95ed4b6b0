"""`seq2seq`: an LSTM reads the clicks, another writes the next items as a sequence. Legend in the package.

Training: the writer learns the next M clicks, each given those before it; one on an item that it has written is fed,
not learned. Serving, from the encoder's state alone and inside rank.onnx:

1. The writer's first step scores the catalogue, what may not be listed left out.
2. A beam search finds the most probable sequence of M items among the C best of them, none twice.
3. The list is that sequence in its order, then all others by the first step's scores.

An item of the sequence is scored by the log-probability of the sequence up to it; any other by that of the whole
sequence plus its own in the first place. So scores descend along a list.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from models.bounds import AtLeastOne
from models.networks.beam_search import LEAST_COST, NEVER, Candidates, search
from models.networks.lstm import LSTMConfig, LSTMNetwork
from models.networks.recurrent_stack import RecurrentConfig
from models.networks.sequence_decoder import SequenceDecoder
from models.networks.sequence_network import NetworkInputs, NetworkState, SequenceNetwork

NO_ITEM = -1


class Seq2SeqConfig(RecurrentConfig, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="seq2seq"):
    """`[network]` with `kind = "seq2seq"`: the encoder's shape, and how a list is written.

    Attributes:
        decoder_size: Units of the writer.
        written_items: M, clicks that the writer learns and items that it writes.
        candidates: C, the items that it chooses from, the best of its first step.
        beams: W, sequences that are followed side by side; 1 is the greedy sequence.
    """

    decoder_size: AtLeastOne = 128
    written_items: AtLeastOne = 5
    candidates: AtLeastOne = 100
    beams: AtLeastOne = 4

    def __post_init__(self) -> None:
        if self.repeat_window:
            raise ValueError(
                "a network of kind seq2seq has no score of its own for repeated items: repeat_window must be 0"
            )

    def encoder(self) -> LSTMConfig:
        """Return the encoder's configuration."""
        return LSTMConfig(
            embedding_size=self.embedding_size,
            hidden_size=self.hidden_size,
            layers=self.layers,
            embedding_dropout=self.embedding_dropout,
            output_dropout=self.output_dropout,
            tied=self.tied,
            layer_norm=self.layer_norm,
            residual=self.residual,
        )

    def build(self, inputs: NetworkInputs) -> "Seq2SeqNetwork":
        """Return a network with its first weights."""
        return Seq2SeqNetwork(self, inputs)


class Seq2SeqNetwork(SequenceNetwork):
    """Its state is the encoder's `hidden` and `cell`, (B, L, H) each; its output after a click the encoder's, (B, E).

    Args:
        config: Its shape.
        inputs: What the data decides.
    """

    def __init__(self, config: Seq2SeqConfig, inputs: NetworkInputs) -> None:
        super().__init__(inputs)
        self.config = config
        self.encoder = LSTMNetwork(config.encoder(), inputs)
        self.decoder = SequenceDecoder(config.embedding_size, config.decoder_size, dropout=config.output_dropout)

    @property
    def state_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Those of the encoder."""
        return self.encoder.state_shapes

    @property
    def clicks_ahead(self) -> int:
        """M."""
        return self.config.written_items

    def forward(self, item_index: Tensor, features: Tensor, state: NetworkState) -> tuple[Tensor, NetworkState]:
        """Step through whole sequences, see `SequenceNetwork`."""
        output, advanced = self.encoder(item_index, features, state)
        return output, advanced

    def step(self, item_index: Tensor, features: Tensor, state: NetworkState) -> NetworkState:
        """Advance users by one click each, see `SequenceNetwork`."""
        return self.encoder.step(item_index, features, state)

    def query(self, state: NetworkState) -> Tensor:
        """Return the encoder's output, (B, E)."""
        return self.encoder.query(state)

    def training_loss(
        self, loss: Callable[[SequenceNetwork, Tensor, Tensor], Tensor], output: Tensor, click: Tensor, target: Tensor
    ) -> Tensor:
        """Return the mean over the writer's steps of the loss summed over N clicks, see `SequenceNetwork`."""
        ahead = self._clicks_ahead(output, click, target)  # (N, M)
        written = self.encoder.items.embedding(ahead[:, :-1].clamp(min=0))
        vectors = self.decoder(output.flatten(0, 1)[click], written)  # (N, M, E)
        learned = (ahead != NO_ITEM) & _first_occurrences(ahead)
        return loss(self.encoder, vectors[learned], ahead[learned]) / self.config.written_items

    def item_scores(self, output: Tensor) -> Tensor:
        """Score the whole catalogue by the list for each output, (..., E) -> (..., V)."""
        flat = output.reshape(-1, output.shape[-1])
        return self._scores(flat, flat.new_zeros(self.inputs.item_count)).view(*output.shape[:-1], -1)

    def list_scores(self, state: NetworkState, bias: Tensor) -> Tensor:
        """Score the catalogue by the list that is written under a bias, (B, V), -inf for what may not be listed."""
        return self._scores(self.query(state), bias)

    def _scores(self, encoded: Tensor, bias: Tensor) -> Tensor:
        vectors, state = self.decoder.begin(encoded)
        scores = self.encoder.item_scores(vectors) + bias  # (N, V)
        listable = scores > -torch.inf
        first = torch.log_softmax(torch.where(listable, scores, NEVER), dim=1)  # (N, V)
        best, item = torch.topk(first, min(self.config.candidates, self.inputs.item_count))  # (N, C)
        table = self.encoder.items
        offset = torch.where(listable, table.output_bias + bias, NEVER).gather(1, item)
        candidates = Candidates(table.embedding(item), table.output_table[item], offset, best)
        beams, length = min(self.config.beams, item.shape[1]), min(self.config.written_items, item.shape[1])
        sequence = search(self.decoder, state, candidates, beams=beams, length=length)
        behind = sequence.score[:, -1:] + first.clamp(max=-LEAST_COST)  # (N, V)
        listed = behind.scatter(1, item.gather(1, sequence.slot), sequence.score)
        return torch.where(listable, listed, -torch.inf)

    def _clicks_ahead(self, output: Tensor, click: Tensor, target: Tensor) -> Tensor:
        """Return the M clicks that follow each of N clicks in its piece, (N, M), `NO_ITEM` behind its end.

        Args:
            output: Of the whole batch, (R, T, E).
            click: Which of the R * T cells are clicks, (N,).
            target: What was clicked next, (N,).
        """
        rows, clicks = output.shape[:2]
        following = target.new_full((rows * clicks,), NO_ITEM).scatter(0, click, target).view(rows, clicks)
        padded = functional.pad(following, (0, self.config.written_items - 1), value=NO_ITEM)
        return padded.unfold(1, self.config.written_items, 1).flatten(0, 1)[click]


def _first_occurrences(items: Tensor) -> Tensor:
    """Tell which items, (N, M), do not stand before in their row."""
    same = items[:, :, None] == items[:, None, :]
    return ~same.tril(diagonal=-1).any(dim=2)
