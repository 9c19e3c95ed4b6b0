"""Makes one artifact for the benchmark; arguments: number of items, folder, and `live-counts` where it ranks with them.

It needs the extra `train`.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from benchmarks.click_sets import item_id, zipf_weights
from export.exporter import TrainedModel, export_model
from models.counts.recipe import CountsRecipe
from models.networks.lstm import LSTMConfig
from models.networks.sequence_network import NetworkInputs
from models.sequences.vocabulary import ItemId, ItemVocabulary
from models.session_rule import SessionRule
from models.training.training_data import TrainingData

HIDDEN_SIZE = 128
LIST_LENGTH = 20
RING_LENGTH = 50
SEED = 4
# What popularity is scaled to.
TRAINING_CLICKS = 100_000_000


def untrained_model(item_count: int) -> TrainedModel:
    """Return a network of seeded random weights and a catalogue for it."""
    torch.manual_seed(SEED)
    network = LSTMConfig(embedding_size=HIDDEN_SIZE, hidden_size=HIDDEN_SIZE).build(NetworkInputs(item_count))
    return TrainedModel(
        kind="lstm",
        network=network.eval(),
        vocabulary=ItemVocabulary([ItemId(item_id(index)) for index in range(item_count)]),
        popularity=np.round(zipf_weights(item_count) * TRAINING_CLICKS).astype(np.int64),
        catalogue=None,
        features=(),
        session_rule=SessionRule(),
        exclude_seen=False,
        training_data=TrainingData(dataset="none", clicks=0, sessions=0, first_timestamp_ms=0, last_timestamp_ms=0),
        metrics={},
    )


def main() -> None:
    """Export the network with the command line's number of items into the command line's folder."""
    torch.set_num_threads(1)
    item_count, folder = int(sys.argv[1]), Path(sys.argv[2])
    folder.parent.mkdir(parents=True, exist_ok=True)
    model = untrained_model(item_count)
    counts = CountsRecipe() if sys.argv[3:] == ["live-counts"] else None
    export_model(model, folder, list_length=LIST_LENGTH, ring_length=RING_LENGTH, state_dtype="float16", counts=counts)


if __name__ == "__main__":
    main()
