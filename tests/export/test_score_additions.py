"""Networks that add to a few scores leave through the same gates, ranked exactly and in int8."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from export.artifact import RankingKind, StateTensor
from export.exporter import export_model
from export.rank_graph import export_rank_graph
from export.reference_lists import MIN_RECALL
from models.networks.attention import AttentionConfig
from models.networks.counted_network import CountedNetwork
from models.networks.ensemble import EnsembleConfig, MemberSection
from models.networks.item_knn import ItemKNNConfig
from models.networks.kinds import kind_of
from models.networks.lstm import LSTMConfig
from models.networks.markov import MarkovConfig, MarkovNetwork
from models.networks.popularity import PopularityConfig
from models.networks.sequence_network import NetworkInputs
from models.networks.transition_offset import TransitionOffsetConfig
from tests.encoded import make_sessions
from tests.factories import make_tiny_model

ITEMS = 30
CountedConfig = PopularityConfig | MarkovConfig | ItemKNNConfig
# And the state of each: row numbers in float32, because float16 has no odd number above 2048; a mark of 0 or 1 fits.
KINDS: list[tuple[CountedConfig, StateTensor]] = [
    (PopularityConfig(), StateTensor("clicked", (1,), "float16")),
    (MarkovConfig(successors=4), StateTensor("last_item", (1,), "float32")),
    (ItemKNNConfig(last_items=3, neighbours=4), StateTensor("last_items", (3,), "float32")),
]


def fitted(config: CountedConfig) -> CountedNetwork:
    """A network that has counted random sessions."""
    draw = np.random.default_rng(1)
    network: CountedNetwork = config.build(NetworkInputs(ITEMS))
    network.fit(make_sessions(*(draw.integers(ITEMS, size=6).tolist() for _ in range(200))))
    return network.eval()


@pytest.mark.parametrize("ranking", ["exact", "int8"])
@pytest.mark.parametrize(("config", "state"), KINDS)
def test_all_gates_open(config: CountedConfig, state: StateTensor, ranking: RankingKind, tmp_path: Path) -> None:
    """Torch and onnxruntime agree, single steps and whole sequences, a batch and each user alone."""
    model = make_tiny_model(network=fitted(config), kind=kind_of(config))
    manifest = export_model(model, tmp_path / "artifact", ranking=ranking, list_length=5).manifest
    assert (manifest.model_kind, manifest.ranking.kind) == (kind_of(config), ranking)
    assert manifest.state == (state,)
    assert manifest.parity.step_max_abs_difference < 1e-5
    assert manifest.ranking.recall >= MIN_RECALL


def test_an_ensemble_leaves_in_int8(tmp_path: Path) -> None:
    """Two tables are quantised as one, what the last item adds twice is not."""
    lstm = LSTMConfig(embedding_size=8, hidden_size=8)
    members = (
        MemberSection(TransitionOffsetConfig(base=lstm, successors=4), weight=0.5),
        MemberSection(lstm),
        MemberSection(MarkovConfig(successors=4), weight=0.2),
    )
    network = EnsembleConfig(members).build(NetworkInputs(ITEMS))
    draw = np.random.default_rng(1)
    network.fit(make_sessions(*(draw.integers(ITEMS, size=6).tolist() for _ in range(200))))
    model = make_tiny_model(network=network.eval(), kind="ensemble")
    manifest = export_model(model, tmp_path / "artifact", ranking="int8", list_length=5).manifest
    assert [(tensor.name, tensor.dtype) for tensor in manifest.state] == [
        ("member_1_hidden", "float16"),
        ("member_1_cell", "float16"),
        ("member_1_last_item", "float32"),
        ("member_2_hidden", "float16"),
        ("member_2_cell", "float16"),
        ("member_3_last_item", "float32"),
    ]
    assert manifest.ranking.kind == "int8"
    # Coarse int8 products differ between CPUs, so an item may be missed on one that another lists.
    assert manifest.ranking.recall >= MIN_RECALL


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_gate_is_the_same_alone_and_in_a_batch(seed: int, tmp_path: Path) -> None:
    """A gate that has learned something differs from user to user; onnxruntime's softplus must not differ by place."""
    network = TransitionOffsetConfig(base=LSTMConfig(embedding_size=8, hidden_size=8)).build(NetworkInputs(ITEMS))
    torch.nn.init.normal_(network.gate.weight, std=2.0, generator=torch.Generator().manual_seed(seed))
    draw = np.random.default_rng(seed)
    network.fit(make_sessions(*(draw.integers(ITEMS, size=6).tolist() for _ in range(200))))
    model = make_tiny_model(network=network.eval(), kind="transition_offset")
    parity = export_model(model, tmp_path / "artifact", ranking="exact", list_length=5).manifest.parity
    assert max(parity.batch_sizes) >= 7


def test_attention_is_computed_once_beside_repeats(tmp_path: Path) -> None:
    """The repeats come of the query, as the products with the items do."""
    network = AttentionConfig(embedding_size=8, window=5, layers=2, repeat_window=3).build(NetworkInputs(ITEMS))
    export_rank_graph(network, tmp_path / "rank.onnx", list_length=5, ring_length=2)
    nodes = onnx.load(tmp_path / "rank.onnx").graph.node
    assert [node.op_type for node in nodes].count("Softmax") == 2


def test_boosts_come_on_top_of_what_the_network_adds(tmp_path: Path) -> None:
    """Both are added, to the same item too: the list is that of torch's scores with the boosts added."""
    network = fitted(MarkovConfig(successors=4))
    assert isinstance(network, MarkovNetwork)
    export_rank_graph(network, tmp_path / "rank.onnx", list_length=5, ring_length=2, boost_length=3)
    session = onnxruntime.InferenceSession(tmp_path / "rank.onnx")
    last_item = np.array([[4], [9]], np.float32)
    successor = int(network.additions((torch.from_numpy(last_item),)).item_index[0, 0])
    boost_index = np.array([[successor, 7, -1], [7, 7, 12]])
    boost_value = np.array([[1.5, 2.0, 9.0], [1.0, 0.5, 3.0]], np.float32)
    top_item, top_score = session.run(
        ["top_item", "top_score"],
        {
            "last_item": last_item,
            "exclude_index": np.array([[0, -1], [-1, -1]]),
            "item_bias": np.zeros(ITEMS, np.float32),
            "boost_index": boost_index,
            "boost_value": boost_value,
        },
    )
    expected = network.scores((torch.from_numpy(last_item),)).numpy()
    for user, column in ((0, 0), (0, 1), (1, 0), (1, 1), (1, 2)):
        expected[user, boost_index[user, column]] += boost_value[user, column]
    expected[0, 0] = -np.inf
    assert top_item.tolist() == np.argsort(-expected, axis=1, kind="stable")[:, :5].tolist()
    assert top_score == pytest.approx(-np.sort(-expected, axis=1)[:, :5], rel=1e-6)
