"""Items known by what they say of themselves: the items' side of a network for items that training never saw.

Legend in the package; C items that are encoded together, P numbers of their fields and vectors made elsewhere.
"""

import torch
from torch import Tensor, nn

from models.bounds import ProperFraction
from models.items.item_contents import ItemContents
from models.networks.item_table import ItemSide
from models.networks.text_encoder import TextConfig, TextEncoder

# Bound of memory: texts that are read at once.
_ITEMS_AT_ONCE = 4_096


class ContentItems(ItemSide):
    """An item's vector is a projection of its text's, its fields' and the one made elsewhere; with ids, plus its own.

    There is no bias an item, which nothing could teach for an item without clicks: how often items of a kind are
    clicked is part of what their text says. Cold items are no negatives in training either: only items with training
    clicks are candidates there.

    With ids, an item's own vector is left out now and then in training, so that the text is good enough without it: as
    an item that was never clicked is served (DropoutNet, Volkovs, Yu and Poutanen, NIPS'17).

    Args:
        contents: Of every item, in row order.
        embedding_size: E.
        text: How texts are read.
        dropout: Share of an item's components that is zeroed in training where it is an input.
        vector_dropout: Share of the fields' and vectors' numbers that is zeroed in training.
        id_dropout: Chance that an item's own vector is left out in training; None: items have none.
    """

    def __init__(
        self,
        contents: ItemContents,
        embedding_size: int,
        *,
        text: TextConfig,
        dropout: float,
        vector_dropout: float,
        id_dropout: ProperFraction | None,
    ) -> None:
        super().__init__()
        # What the catalogue says is no weight: the checkpoint keeps the catalogue, and reads it again.
        self.tokens: Tensor
        self.vectors: Tensor
        self.register_buffer("tokens", torch.from_numpy(contents.tokens), persistent=False)
        self.register_buffer("vectors", torch.from_numpy(contents.vectors), persistent=False)
        self.register_buffer("output_bias", torch.zeros(len(contents.tokens)), persistent=False)
        self.text = TextEncoder(text, contents.vocabulary) if contents.vocabulary.columns else None
        text_size = 0 if self.text is None else self.text.output_size
        self.projection = nn.Linear(text_size + contents.vectors.shape[1], embedding_size)
        self.vector_dropout = nn.Dropout(vector_dropout)
        self.ids = None if id_dropout is None else nn.Embedding(len(contents.tokens), embedding_size)
        self.id_dropout = id_dropout or 0.0
        self.dropout = nn.Dropout(dropout)
        self._computed: Tensor | None = None
        self.register_load_state_dict_post_hook(_forget_computed)  # type: ignore[no-untyped-call]  # torch leaves it

    def initialise(self) -> None:
        """Spread the items' first vectors as a table's: around 0, of unit length on average.

        As an LSTM leaves them they are nearly alike, and it takes many epochs to tell one from another (Salimans and
        Kingma, 2016, make first weights of data for this reason). An item's own vector starts at nothing: it learns
        what the text does not say.
        """
        was_training = self.training
        self.eval()
        with torch.no_grad():
            vectors = self._read(self.tokens, self.vectors)  # (V, E)
            spread = vectors.std(dim=0, correction=0).clamp(min=1e-6) * vectors.shape[1] ** 0.5
            self.projection.bias.sub_(vectors.mean(dim=0)).div_(spread)
            self.projection.weight.div_(spread[:, None])
            if self.ids is not None:
                nn.init.zeros_(self.ids.weight)
        self.train(was_training)

    def train(self, mode: bool = True) -> "ContentItems":
        """Change the mode; weights that have changed since give other vectors."""
        self._computed = None
        super().train(mode)
        return self

    @property
    def output_table(self) -> Tensor:
        """The vectors of all items, (V, E): computed anew at every call in training, else once."""
        if self.training:
            return self._encoded(torch.arange(len(self.tokens), device=self.tokens.device))
        if self._computed is None:
            with torch.inference_mode(mode=False), torch.no_grad():
                self._computed = self._encoded(torch.arange(len(self.tokens), device=self.tokens.device))
        return self._computed

    def output_rows(self, item_index: Tensor) -> Tensor:
        """Return the vectors of some items, (C,) -> (C, E); in training no others are computed."""
        if not self.training:
            return self.output_table[item_index]
        items, place = torch.unique(item_index, return_inverse=True)
        return self._encoded(items)[place]

    def forward(self, item_index: Tensor, features: Tensor) -> Tensor:
        """Return what a network is fed for clicks, (..., E + F)."""
        return torch.cat((self.dropout(self.output_rows(item_index)), features), dim=-1)

    def table_of(self, contents: ItemContents) -> Tensor:
        """Return the vectors of this table's items with other contents, and of items behind them, (V', E)."""
        device = self.tokens.device
        table = self._read(torch.from_numpy(contents.tokens).to(device), torch.from_numpy(contents.vectors).to(device))
        if self.ids is not None:
            table[: len(self.tokens)] += self.ids.weight
        return table

    def _encoded(self, item_index: Tensor) -> Tensor:
        """Encode items, (C,) -> (C, E)."""
        encoded = self._read(self.tokens[item_index], self.vectors[item_index])
        if self.ids is None:
            return encoded
        own: Tensor = self.ids(item_index)
        if self.training:
            own = own * (torch.rand(len(own), 1, device=own.device) >= self.id_dropout)
        return encoded + own

    def _read(self, tokens: Tensor, vectors: Tensor) -> Tensor:
        """Encode items by their contents alone, (C, W) and (C, P) -> (C, E)."""
        contents = self.vector_dropout(vectors)
        if self.text is not None:
            texts = torch.cat([self.text(part) for part in torch.split(tokens, _ITEMS_AT_ONCE)])
            contents = torch.cat((texts, contents), dim=1)
        encoded: Tensor = self.projection(contents)
        return encoded


def _forget_computed(module: nn.Module, _keys: object) -> None:
    """Compute vectors anew after other weights were loaded."""
    module.train(module.training)
