"""Chooses how rank.onnx ranks: exactly, or coarsely in int8 first.

Microseconds of processor time a list, untrained tables, K = 20, R = 50, D = 128, onnxruntime 1.32 on one thread of an
AMD EPYC of the fourth generation (AVX512-VNNI, 1 MB of second-level cache), rows in turn in one run:

    items           exact, 16 rows    int8, 16 rows    exact, 64 rows    int8, 64 rows
      1,000               8                13                 7                11
      2,048              12                16                11                14
      4,096              19                20                22                21
     10,240              35                28                40                31
     40,960             178                88               152                98
    102,400             427               244               352               201

The machine was busy with other work: what counts is which is the lower. On a quiet one, int8 at 102,400 items, in one
tile against ten: 225 and 240 in runs of 16 rows, 196 and 195 of 32, 195 and 171 of 64.
"""

from typing import Literal

import msgspec

from export.artifact import Artifact, CoarseRanking, Ranking, RankingKind
from export.rank_graph import export_rank_graph
from export.recurrent_network import DotProductNetwork, RecurrentNetwork
from export.reference_lists import MIN_RECALL, ReferenceLists
from export.runtime import ModelRuntime
from models.errors import ArtifactError

RankingMethod = Literal["auto", "exact", "int8"]

INT8_FROM_ITEMS = 6000
# Up to here the coarse scores of a whole run are kept, and candidates are chosen by them item by item.
ONE_TILE_UP_TO_ITEMS = 65_536
TILE_ITEMS = 10_240
# Items beyond K among which the exact order is found: 1.4 K were enough for recall 1.0 on untrained tables, whose
# scores are flat.
BLOCKS_PER_LISTED = 1.4
# Rows of a run; more of them where the table is large, of which a component of every item takes so many bytes (8 MB at
# D = 128).
ROWS_PER_RUN = 16
LARGE_TABLE_COLUMN_BYTES = 65_536
ROWS_PER_RUN_OF_LARGE_TABLE = 64
# Where the recall is too low the blocks grow by this, so often.
GROWTH = 1.4
ATTEMPTS = 5


def export_ranking(
    network: RecurrentNetwork, artifact: Artifact, reference: ReferenceLists, method: RankingMethod
) -> Ranking:
    """Write rank.onnx into an artifact's folder and return what its manifest should say of it.

    Args:
        network: The network.
        artifact: Its step.onnx is written.
        reference: What the recall is measured on.
        method: `auto` takes int8 for large catalogues where its recall is high enough.

    Raises:
        ArtifactError: If int8 was asked for and the network has no dot products, or the recall stays too low.
    """
    has_table = isinstance(network, DotProductNetwork)
    if method == "int8" and not has_table:
        raise ArtifactError(
            f"A {artifact.manifest.model_kind} model does not score by dot products: rank it exactly, "
            "`--ranking exact` or `auto`."
        )
    if method == "int8" or (method == "auto" and has_table and artifact.manifest.item_count >= INT8_FROM_ITEMS):
        ranking = _export_int8(network, artifact, reference)
        if ranking.recall >= MIN_RECALL:
            return ranking
        if method == "int8":
            raise ArtifactError(
                f"An int8 ranking lists {ranking.recall:.4f} of the exact top {artifact.manifest.list_length}, at "
                f"least {MIN_RECALL} is asked for: rank it exactly, `--ranking exact` or `auto`."
            )
    return _export(network, artifact, reference, "exact", None)


def _export_int8(network: RecurrentNetwork, artifact: Artifact, reference: ReferenceLists) -> Ranking:
    """Take as many blocks as the recall asks for."""
    item_count, list_length = artifact.manifest.item_count, artifact.manifest.list_length
    is_one_tile = item_count <= ONE_TILE_UP_TO_ITEMS
    blocks = BLOCKS_PER_LISTED * list_length
    for _ in range(ATTEMPTS):
        coarse = CoarseRanking(
            tiles=1 if is_one_tile else round(item_count / TILE_ITEMS),
            items_per_block=16 if is_one_tile else 8,
            blocks=round(blocks),
        )
        ranking = _export(network, artifact, reference, "int8", coarse)
        if ranking.recall >= MIN_RECALL:
            break
        blocks *= GROWTH
    return ranking


def _export(
    network: RecurrentNetwork,
    artifact: Artifact,
    reference: ReferenceLists,
    kind: RankingKind,
    coarse: CoarseRanking | None,
) -> Ranking:
    manifest = artifact.manifest
    export_rank_graph(
        network,
        artifact.rank_path,
        list_length=manifest.list_length,
        ring_length=manifest.ring_length,
        boost_length=manifest.boost_length,
        coarse=coarse,
    )
    unmeasured = Ranking(
        kind=kind,
        rows_per_run=_rows_per_run(kind, manifest.item_count),
        recall=0.0,
        reference_lists=len(reference.top_item),
        coarse=coarse,
    )
    described = Artifact(artifact.folder, msgspec.structs.replace(manifest, ranking=unmeasured))
    return msgspec.structs.replace(unmeasured, recall=reference.recall(ModelRuntime(described)))


def _rows_per_run(kind: RankingKind, item_count: int) -> int:
    """Fit the scores of a run into a cache, but read a table that no cache holds less often."""
    column_bytes = item_count * (1 if kind == "int8" else 4)
    return ROWS_PER_RUN if column_bytes <= LARGE_TABLE_COLUMN_BYTES else ROWS_PER_RUN_OF_LARGE_TABLE
