"""An LSTM that reads texts: tokens in, a vector out. Legend in the package; C texts, W tokens of the longest."""

from typing import Literal

import msgspec
import torch
from torch import Tensor, nn

from models.bounds import AtLeastOne, Fraction, ProperFraction
from models.items.text_vocabulary import PADDING, UNKNOWN_WORD, TextVocabulary

Pooling = Literal["last", "mean", "max"]


class TextConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[network.text]`: how a text is read.

    Attributes:
        token_size: Size of a token's embedding.
        hidden_size: Of the LSTM, in each direction.
        bidirectional: Read it from both ends.
        pooling: What is made of the hidden states: the last one of each direction, their mean, or their maximum
            component by component.
        word_dropout: Chance that a word is taken for an unknown one, in training (Iyyer et al., 2015): the network
            learns to do without any single word, and what an unknown word is.
        crop: Chance that only a part of a text is read, in training: half of its tokens or more, side by side.
    """

    token_size: AtLeastOne = 64
    hidden_size: AtLeastOne = 64
    bidirectional: bool = True
    pooling: Pooling = "max"
    word_dropout: ProperFraction = 0.1
    crop: Fraction = 0.1


class TextEncoder(nn.Module):
    """Reads texts.

    Args:
        config: Its shape, and the augmentation of texts in training.
        vocabulary: What tokens mean.
    """

    def __init__(self, config: TextConfig, vocabulary: TextVocabulary) -> None:
        super().__init__()
        self.config = config
        self.first_word = vocabulary.first_word
        self.embedding = nn.Embedding(len(vocabulary), config.token_size, padding_idx=PADDING)
        self.cells = nn.LSTM(
            config.token_size, config.hidden_size, batch_first=True, bidirectional=config.bidirectional
        )

    @property
    def output_size(self) -> int:
        """Size of a text's vector."""
        return self.config.hidden_size * (2 if self.config.bidirectional else 1)

    def forward(self, tokens: Tensor) -> Tensor:
        """Read texts, (C, W) padded at the end -> (C, `output_size`); in training each is augmented first.

        Chance is torch's: repeatable after `torch.manual_seed`.
        """
        if self.training:
            tokens = cropped(with_word_dropout(tokens, self.first_word, self.config.word_dropout), self.config.crop)
        length = (tokens != PADDING).sum(dim=1)  # (C,)
        tokens = tokens[:, : int(length.max())]
        # Packed: the backward direction begins at each text's own end.
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embedding(tokens), length.cpu(), batch_first=True, enforce_sorted=False
        )
        outputs, (last, _) = self.cells(packed)
        if self.config.pooling == "last":
            return last.transpose(0, 1).flatten(start_dim=1)  # type: ignore[no-any-return]  # modules return Any
        hidden, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)  # (C, W, `output_size`)
        is_token = (torch.arange(hidden.shape[1], device=length.device) < length[:, None])[:, :, None]
        if self.config.pooling == "mean":
            return (hidden * is_token).sum(dim=1) / length[:, None]
        return hidden.masked_fill(~is_token, -torch.inf).amax(dim=1)


def with_word_dropout(tokens: Tensor, first_word: int, chance: float) -> Tensor:
    """Take some of the words for unknown ones; padding and the columns' markers stay.

    Args:
        tokens: (C, W).
        first_word: The first token that is a word.
        chance: Of every word.
    """
    dropped = (torch.rand(tokens.shape, device=tokens.device) < chance) & (tokens >= first_word)
    return tokens.masked_fill(dropped, UNKNOWN_WORD)


def cropped(tokens: Tensor, chance: float) -> Tensor:
    """Keep only a part of some texts: half of the tokens or more, side by side, from anywhere.

    Args:
        tokens: (C, W), padded at the end.
        chance: Of every text.
    """
    length = (tokens != PADDING).sum(dim=1)  # (C,)
    least = (length + 1) // 2
    is_cropped, share_kept, place = torch.rand(3, len(tokens), device=tokens.device)
    kept = torch.where(is_cropped < chance, least + (share_kept * (length - least + 1)).long(), length)
    start = (place * (length - kept + 1)).long()
    column = torch.arange(tokens.shape[1], device=tokens.device)
    moved = tokens.gather(1, (start[:, None] + column).clamp(max=tokens.shape[1] - 1))
    return moved.masked_fill(column >= kept[:, None], PADDING)
