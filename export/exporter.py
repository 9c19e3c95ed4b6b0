"""From a trained network to an artifact.

1. Write the items, in the order of the network's rows.
2. Describe it all in a manifest.
3. Write the graph that steps.
4. Draw users and list exactly what is best for them.
5. Write the graph that ranks, exactly or in int8, and measure how many of those lists' items it finds.
6. Pass the three parity gates, on the graphs as the worker will run them.
7. Put the artifact in its place, as a whole.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from export.artifact import (
    FORMAT_VERSION,
    HASHED_FILES,
    ITEMS_FILE,
    Artifact,
    Manifest,
    Parity,
    Ranking,
    StateDtype,
    StateTensor,
    write_artifact,
)
from export.graphs import export_step_graph
from export.parity import check_parity
from export.ranking_choice import RankingMethod, export_ranking
from export.recurrent_network import RecurrentNetwork
from export.reference_users import draw_reference_lists
from models.counts.recipe import CountsRecipe
from models.errors import ArtifactError
from models.networks.kinds import kind_of
from models.sequences.features import Feature
from models.sequences.vocabulary import ItemVocabulary
from models.session_rule import SessionRule
from models.training.checkpoint import load_checkpoint
from models.training.cold_items import with_cold_items
from models.training.training_data import TrainingData

# What Recall@20 and MRR@20 look at, and a screenful.
LIST_LENGTH = 20
# Sessions are shorter; a user's ring of hashes and times then takes 800 bytes of his state record.
RING_LENGTH = 50
LIBRARIES = ("nextclick", "numpy", "onnx", "onnxruntime", "onnxscript", "torch")


@dataclass(frozen=True)
class TrainedModel:
    """A network and what must be known beside its weights to serve it.

    Attributes:
        kind: `lstm`, `gru`, ...
        network: In evaluation mode, in float32.
        vocabulary: The items in row order.
        popularity: Training clicks of each item in row order, (V,).
        catalogue: item_id, title, category and whatever else the source has; None where it has none.
        features: The features beside the item, in the order of their columns.
        session_rule: When a user's state starts over.
        exclude_seen: Whether lists leave out what the user clicked already, unless a setting says otherwise.
        training_data: What the network was trained on.
        metrics: Figures of its evaluation.
    """

    kind: str
    network: RecurrentNetwork
    vocabulary: ItemVocabulary
    popularity: NDArray[np.int64]
    catalogue: pl.DataFrame | None
    features: tuple[Feature, ...]
    session_rule: SessionRule
    exclude_seen: bool
    training_data: TrainingData
    metrics: Mapping[str, float]


def export_checkpoint(
    checkpoint_folder: Path,
    out: Path,
    *,
    list_length: int = LIST_LENGTH,
    ring_length: int = RING_LENGTH,
    state_dtype: StateDtype = "float16",
    ranking: RankingMethod = "auto",
    catalogue: pl.DataFrame | None = None,
    counts: CountsRecipe | None = None,
) -> Artifact:
    """Make an artifact of a checkpoint; see `export_model` and, for `catalogue`, `with_cold_items`.

    Without `counts` the artifact has those that the checkpoint was fitted with, if it was.

    Raises:
        CheckpointError: If there is none, or it is not whole.
        DataError: If the network does not read a catalogue, or not this one.
        ParityError: If the graphs do not compute what the network computes.
        ArtifactError: If a length is below 1, `ranking` cannot be had, or `out` holds something else.
    """
    checkpoint = with_cold_items(load_checkpoint(checkpoint_folder), catalogue)
    description = checkpoint.description
    fitted = None if description.live_counts is None else description.live_counts.recipe
    model = TrainedModel(
        kind=kind_of(description.network),
        network=checkpoint.network,
        vocabulary=checkpoint.vocabulary,
        popularity=checkpoint.popularity,
        catalogue=checkpoint.catalogue,
        features=description.features,
        session_rule=description.session_rule,
        exclude_seen=description.exclude_seen,
        training_data=description.training_data,
        metrics=description.metrics,
    )
    return export_model(
        model,
        out,
        list_length=list_length,
        ring_length=ring_length,
        state_dtype=state_dtype,
        ranking=ranking,
        counts=fitted if counts is None else counts,
    )


def export_model(
    model: TrainedModel,
    out: Path,
    *,
    list_length: int = LIST_LENGTH,
    ring_length: int = RING_LENGTH,
    state_dtype: StateDtype = "float16",
    ranking: RankingMethod = "auto",
    counts: CountsRecipe | None = None,
) -> Artifact:
    """Make an artifact of a trained model.

    Args:
        model: The model.
        out: The artifact's folder; an artifact that is there already is replaced.
        list_length: K; a catalogue of fewer items gives lists of all of them.
        ring_length: R, how many of a user's last items are remembered.
        state_dtype: What a user's state is rounded to after every step. float16 halves what the worker keeps in
            memory and writes to the changelog. On the e-shop split (an LSTM of 128, 12,224 predictions) it changed
            Recall@20 not at all and MRR@20 from .2560 to .2561.
        ranking: `exact`, `int8`, or by the size of the catalogue.
        counts: How live counts enter the lists; unless they are useless rank.onnx then takes boosts.

    Raises:
        ParityError: If the graphs do not compute what the network computes.
        ArtifactError: If a length is below 1, `ranking` cannot be had, or `out` holds something else.
    """
    if min(list_length, ring_length) < 1:
        raise ArtifactError(f"A list of {list_length} from a ring of {ring_length} items: both need at least 1.")
    list_length = min(list_length, len(model.vocabulary))
    with tempfile.TemporaryDirectory(prefix="nextclick-export-") as temporary:
        folder = Path(temporary)
        _items(model).write_parquet(folder / ITEMS_FILE)
        described = _describe(model, list_length, ring_length, state_dtype)
        artifact = Artifact(folder, msgspec.structs.replace(described, counts=counts))
        export_step_graph(model.network, artifact.step_path)
        reference = draw_reference_lists(model.network, artifact.manifest, model.popularity)
        reference.save(artifact.reference_path)
        ranked = export_ranking(model.network, artifact, reference, ranking)
        manifest = msgspec.structs.replace(artifact.manifest, ranking=ranked)
        parity = check_parity(model.network, Artifact(folder, manifest))
        contents = {name: folder / name for name in HASHED_FILES}
        return write_artifact(out, msgspec.structs.replace(manifest, parity=parity), contents)


def _items(model: TrainedModel) -> pl.DataFrame:
    """Return the vocabulary with what the catalogue says of each item; null where it says nothing."""
    items = pl.DataFrame(
        {"item_id": model.vocabulary.item_ids, "popularity": model.popularity},
        schema={"item_id": pl.String(), "popularity": pl.Int64()},
    )
    catalogue = pl.DataFrame(schema={"item_id": pl.String()}) if model.catalogue is None else model.catalogue
    twice = catalogue.filter(pl.col("item_id").is_duplicated())["item_id"]
    if len(twice):
        raise ArtifactError(
            f"The catalogue describes an item twice: {twice[0]}. Keep one row an item, and train again."
        )
    described = items.join(
        catalogue.drop("popularity", strict=False), on="item_id", how="left", maintain_order="left", validate="1:1"
    )
    missing = [pl.lit(None, pl.String()).alias(name) for name in ("title", "category") if name not in described.columns]
    described = described.with_columns(missing)
    return described.select(
        "item_id", "popularity", "title", "category", pl.exclude("item_id", "popularity", "title", "category")
    )


def _describe(model: TrainedModel, list_length: int, ring_length: int, state_dtype: StateDtype) -> Manifest:
    """Return the manifest with nothing yet of the files, of parity and of the ranking."""
    return Manifest(
        format_version=FORMAT_VERSION,
        model_kind=model.kind,
        model_id="",
        state=tuple(
            StateTensor(
                name=name,
                shape=tuple(shape),
                dtype="float32" if name in model.network.row_number_tensors else state_dtype,
            )
            for name, shape in model.network.state_shapes.items()
        ),
        features=model.features,
        list_length=list_length,
        ring_length=ring_length,
        item_count=len(model.vocabulary),
        session_rule=model.session_rule,
        exclude_seen=model.exclude_seen,
        vocabulary_digest=model.vocabulary.digest,
        training_data=model.training_data,
        metrics=dict(model.metrics),
        parity=Parity(step_max_abs_difference=0.0, sequence_max_abs_difference=0.0, sequence_length=0, batch_sizes=()),
        ranking=Ranking(kind="exact", rows_per_run=1, recall=0.0, reference_lists=0, coarse=None),
        libraries={name: version(name) for name in LIBRARIES},
        files={},
    )
