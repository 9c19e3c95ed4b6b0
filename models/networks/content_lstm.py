"""`content_lstm`: an LSTM over clicks on items that are known by their contents. Legend in the package.

An item is what an LSTM reads of it (`TextEncoder`), its fields, and a vector that was made elsewhere, whichever of them
there are: an item that nobody has clicked yet is recommended as well as any other. To serve it, the vectors of all
items are computed once: what is left is an `lstm` over a fixed table, and the texts' LSTM is in no graph.
"""

from typing import TypeGuard

import torch

from models.bounds import ProperFraction
from models.errors import DataError
from models.items.item_contents import ContentConfig, ItemContents
from models.networks.content_items import ContentItems
from models.networks.item_table import DotProductSequenceNetwork
from models.networks.lstm import LSTMConfig, LSTMNetwork, LSTMStack
from models.networks.recurrent_stack import StackConfig
from models.networks.repeat_offset import RepeatOffset, with_repeats
from models.networks.sequence_network import NetworkInputs, SequenceNetwork
from models.networks.text_encoder import TextConfig


class ContentLSTMConfig(StackConfig, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="content_lstm"):
    """`[network]` with `kind = "content_lstm"`.

    Attributes:
        content: What is read of an item.
        text: How its text is read.
        vector_dropout: Share of the numbers of an item's fields and vector that is zeroed in training, so that none of
            them is relied on alone.
        use_ids: Give items that have training clicks a vector of their own beside their contents.
        id_dropout: Chance that it is left out in training.
    """

    content: ContentConfig = ContentConfig()
    text: TextConfig = TextConfig()
    vector_dropout: ProperFraction = 0.0
    use_ids: bool = False
    id_dropout: ProperFraction = 0.5

    def build(self, inputs: NetworkInputs) -> "DotProductSequenceNetwork | RepeatOffset":
        """Return a network with its first weights.

        Raises:
            DataError: If nothing is known of the items' contents.
        """
        if inputs.contents is None:
            raise DataError("A content_lstm reads what a catalogue says of the items: there is no catalogue.")
        return with_repeats(ContentLSTMNetwork(self, inputs, inputs.contents), self.repeat_window)


class ContentLSTMNetwork(LSTMStack):
    """Its state is an LSTM's.

    Args:
        config: Its shape.
        inputs: What the data decides.
        contents: Those of `inputs`.
    """

    config: ContentLSTMConfig
    items: ContentItems

    def __init__(self, config: ContentLSTMConfig, inputs: NetworkInputs, contents: ItemContents) -> None:
        items = ContentItems(
            contents,
            config.embedding_size,
            text=config.text,
            dropout=config.embedding_dropout,
            vector_dropout=config.vector_dropout,
            id_dropout=config.id_dropout if config.use_ids else None,
        )
        super().__init__(config, inputs, items)

    def with_fixed_items(self, contents: ItemContents) -> LSTMNetwork:
        """Return what is served: an LSTM over the vectors of these items, in evaluation mode.

        Args:
            contents: Of this network's items first, in the same order, then of any others: those it never saw.
        """
        config = LSTMConfig(**{name: getattr(self.config, name) for name in StackConfig.__struct_fields__})
        item_count = len(contents.tokens)
        fixed = LSTMNetwork(config, NetworkInputs(item_count, self.feature_width)).eval()
        was_training = self.training
        self.eval()
        with torch.no_grad():
            table = self.items.table_of(contents)
            for name, module in fixed.named_children():
                if name != "items":
                    module.load_state_dict(self.get_submodule(name).state_dict())
            fixed.items.embedding.weight.copy_(table)
        self.train(was_training)
        return fixed


def reads_contents(network: SequenceNetwork) -> TypeGuard[ContentLSTMNetwork | RepeatOffset]:
    """Tell whether a network is one that `ContentLSTMConfig` built, and not yet what is served of it."""
    read = network.network if isinstance(network, RepeatOffset) else network
    return isinstance(read, ContentLSTMNetwork)


def with_fixed_items(network: ContentLSTMNetwork | RepeatOffset, contents: ItemContents) -> LSTMNetwork | RepeatOffset:
    """Return what is served of a network that `reads_contents`, in evaluation mode.

    Args:
        network: It stays as it is.
        contents: Of this network's items first, in the same order, then of any others: those it never saw. Who comes
            back to one of them does so as to any other.
    """
    if isinstance(network, ContentLSTMNetwork):
        return network.with_fixed_items(contents)
    assert isinstance(network.network, ContentLSTMNetwork)  # noqa: S101  # `reads_contents`
    fixed = RepeatOffset(network.network.with_fixed_items(contents), network.window).eval()
    fixed.repeats.load_state_dict(network.repeats.state_dict())
    return fixed
