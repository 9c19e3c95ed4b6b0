"""`content_lstm`: an LSTM over clicks on items that are known by their contents. Legend in the package.

An item is what an LSTM reads of it (`TextEncoder`), and a vector that was made elsewhere where there is one: an item
that nobody has clicked yet is recommended as well as any other. To serve it, the vectors of all items are computed
once: what is left is an `lstm` over a fixed table, and the texts' LSTM is in no graph.
"""

import torch

from models.bounds import ProperFraction
from models.errors import DataError
from models.items.item_contents import ContentConfig, ItemContents
from models.networks.content_items import ContentItems
from models.networks.lstm import LSTMConfig, LSTMNetwork, LSTMStack
from models.networks.recurrent_stack import StackConfig
from models.networks.sequence_network import NetworkInputs
from models.networks.text_encoder import TextConfig


class ContentLSTMConfig(StackConfig, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="content_lstm"):
    """`[network]` with `kind = "content_lstm"`.

    Attributes:
        content: What is read of an item.
        text: How its text is read.
        use_ids: Give items that have training clicks a vector of their own beside their contents.
        id_dropout: Chance that it is left out in training.
    """

    content: ContentConfig = ContentConfig()
    text: TextConfig = TextConfig()
    use_ids: bool = False
    id_dropout: ProperFraction = 0.5

    def build(self, inputs: NetworkInputs) -> "ContentLSTMNetwork":
        """Return a network with its first weights.

        Raises:
            DataError: If nothing is known of the items' contents.
        """
        if inputs.contents is None:
            raise DataError("A content_lstm reads what a catalogue says of the items: there is no catalogue.")
        return ContentLSTMNetwork(self, inputs, inputs.contents)


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
