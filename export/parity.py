"""Three gates between a network and its graphs: an artifact that fails one is never written.

1. Step: torch and onnxruntime agree after single steps, on the state and on the list.
2. Sequence: N chained steps give the lists of one forward pass over the whole sequence, the one that training uses.
3. Batch: a batch of users gets what each user gets alone, bit for bit, in any order.

All of it in float32, whatever the artifact stores: rounding the state would hide what the gates look for.

Legend: B users in the batch, N steps of a sequence, F feature columns, V items, K list length, R ring length, A
boosts of a user.
"""

from dataclasses import dataclass

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from export.artifact import Artifact, Parity, RankingKind
from export.recurrent_network import ListingNetwork, RecurrentNetwork, biased_scores
from export.runtime import ModelRuntime, State, no_exclusions
from models.boosts import Boosts
from models.errors import ParityError

# Of the larger of 1 and the value. float32 carries 1e-7; a score sums a few hundred products and a sequence chains
# dozens of steps. A wrong graph (a gate in another order, a missing bias) is off by far more.
STEP_TOLERANCE = 1e-4
SEQUENCE_TOLERANCE = 1e-3
SEQUENCE_LENGTH = 32
SEQUENCES = 4
# Enough for states to differ from zero and from each other.
CLICKS_BEFORE = 5
# One user, around the kernels' vector widths, and what a worker's micro-batches reach.
BATCH_SIZES = (1, 2, 3, 7, 16, 64, 256)
# Enough users to fill the largest batch.
USERS = max(BATCH_SIZES)
# Scores of the whole catalogue for a few users at a time: a million items are 4 MB a user.
USERS_AT_ONCE = 32
# Of lists that a network makes as a whole, as many may be others than torch's: where two of its choices are as good as
# each other, float32 noise decides between them, and other items follow.
MAX_OTHER_LISTS = 0.01
REMEDY = (
    "The graphs do not compute what the network does: compare the versions of torch, onnx and onnxruntime with those "
    "in pyproject.toml; for a model of your own, look for randomness, or for arithmetic across the batch axis."
)


def check_parity(network: RecurrentNetwork, artifact: Artifact) -> Parity:
    """Pass an artifact's graphs through the three gates.

    Args:
        network: The network that the graphs were made of, in evaluation mode.
        artifact: The graphs and what the manifest says of them; its hashes may still be missing.

    Raises:
        ParityError: At the first gate that does not hold, naming it and the largest difference.
        ArtifactError: If onnxruntime cannot open a graph or it takes other inputs than the manifest says.
    """
    manifest = artifact.manifest
    tensors = tuple(msgspec.structs.replace(tensor, dtype="float32") for tensor in manifest.state)
    unrounded = Artifact(artifact.folder, msgspec.structs.replace(manifest, state=tensors))
    runtime = ModelRuntime(unrounded)
    with torch.no_grad():
        users = _draw_users(network, runtime)
        step_difference = _step_gate(network, runtime, users)
        sequence_difference = _sequence_gate(network, runtime)
    _batch_gate(runtime, users)
    return Parity(
        step_max_abs_difference=step_difference,
        sequence_max_abs_difference=sequence_difference,
        sequence_length=SEQUENCE_LENGTH,
        batch_sizes=BATCH_SIZES,
    )


Output = NDArray[np.floating] | NDArray[np.int64]


@dataclass(frozen=True)
class _Users:
    """Inputs of both graphs for B users, drawn at random with a fixed seed."""

    item_index: NDArray[np.int64]  # (B,)
    features: NDArray[np.float32]  # (B, F)
    state: State  # each (B, ...)
    exclude_index: NDArray[np.int64]  # (B, R)
    item_bias: NDArray[np.float32]  # (V,)
    boosts: Boosts | None  # (B, A)

    def take(self, rows: NDArray[np.int64]) -> "_Users":
        return _Users(
            self.item_index[rows],
            self.features[rows],
            tuple(tensor[rows] for tensor in self.state),
            self.exclude_index[rows],
            self.item_bias,
            None if self.boosts is None else Boosts(self.boosts.item_index[rows], self.boosts.value[rows]),
        )


def _draw_users(network: RecurrentNetwork, runtime: ModelRuntime) -> _Users:
    """Draw users with a few clicks behind them, rings half full, and some items that are not available."""
    manifest = runtime.manifest
    random = np.random.default_rng(seed=0)
    width = network.feature_width
    state = tuple(torch.zeros(USERS, *shape) for shape in network.state_shapes.values())
    for _ in range(CLICKS_BEFORE):
        item_index = random.integers(manifest.item_count, size=USERS)
        features = random.normal(size=(USERS, width)).astype(np.float32)
        state = network.step(torch.from_numpy(item_index), torch.from_numpy(features), state)
    exclude_index = random.integers(manifest.item_count, size=(USERS, manifest.ring_length))
    exclude_index[random.choice([True, False], size=exclude_index.shape)] = -1
    item_bias = random.normal(size=manifest.item_count).astype(np.float32)
    item_bias[random.choice(manifest.item_count, size=manifest.item_count // 10)] = -np.inf
    return _Users(
        item_index=random.integers(manifest.item_count, size=USERS),
        features=random.normal(size=(USERS, width)).astype(np.float32),
        state=tuple(tensor.numpy() for tensor in state),
        exclude_index=exclude_index,
        item_bias=item_bias,
        boosts=_draw_boosts(random, manifest.item_count, manifest.boost_length) if manifest.boost_length else None,
    )


def _draw_boosts(random: np.random.Generator, item_count: int, boost_length: int) -> Boosts:
    """Draw boosts, up and down, half of them padding."""
    index = random.integers(item_count, size=(USERS, boost_length))
    index[random.choice([True, False], size=index.shape)] = -1
    return Boosts(index, random.normal(size=index.shape).astype(np.float32))


def _step_gate(network: RecurrentNetwork, runtime: ModelRuntime, users: _Users) -> float:
    advanced = network.step(
        torch.from_numpy(users.item_index), torch.from_numpy(users.features), tuple(map(torch.from_numpy, users.state))
    )
    found = runtime.step(users.item_index, users.features, users.state)
    pairs: list[_Pair] = list(zip((tensor.numpy() for tensor in advanced), found, strict=True))
    others = 0
    for start in range(0, USERS, USERS_AT_ONCE):
        batch = users.take(np.arange(start, start + USERS_AT_ONCE))
        bias = np.tile(batch.item_bias, (len(batch.item_index), 1))  # (B, V)
        if batch.boosts is not None:
            rows, columns = np.nonzero(batch.boosts.item_index >= 0)
            np.add.at(bias, (rows, batch.boosts.item_index[rows, columns]), batch.boosts.value[rows, columns])
        rows, columns = np.nonzero(batch.exclude_index >= 0)
        bias[rows, batch.exclude_index[rows, columns]] = -np.inf
        of_batch = tuple(tensor[start : start + USERS_AT_ONCE] for tensor in advanced)
        scores = biased_scores(network, of_batch, torch.from_numpy(bias)).numpy()
        state = tuple(tensor[start : start + USERS_AT_ONCE] for tensor in found)
        top_item, top_score = runtime.rank(state, batch.exclude_index, batch.item_bias, batch.boosts)
        same = _are_same_lists(network, scores, top_item, top_score)
        others += int(np.count_nonzero(~same))
        pairs += _list_pairs(scores[same], top_item[same], top_score[same], runtime.manifest.ranking.kind)
    _check_others("step", others, USERS)
    return _within("step", pairs, STEP_TOLERANCE)


def _sequence_gate(network: RecurrentNetwork, runtime: ModelRuntime) -> float:
    manifest = runtime.manifest
    random = np.random.default_rng(seed=1)
    item_index = random.integers(manifest.item_count, size=(SEQUENCES, SEQUENCE_LENGTH))
    features = random.normal(size=(SEQUENCES, SEQUENCE_LENGTH, network.feature_width)).astype(np.float32)
    scores = network.sequence_scores(torch.from_numpy(item_index), torch.from_numpy(features)).numpy()  # (B, N, V)

    nothing_excluded = no_exclusions(SEQUENCES, manifest.ring_length)
    no_bias = np.zeros(manifest.item_count, dtype=np.float32)
    state = runtime.initial_state(SEQUENCES)
    pairs: list[_Pair] = []
    others = 0
    for position in range(SEQUENCE_LENGTH):
        state = runtime.step(item_index[:, position], features[:, position], state)
        top_item, top_score = runtime.rank(state, nothing_excluded, no_bias)
        same = _are_same_lists(network, scores[:, position], top_item, top_score)
        others += int(np.count_nonzero(~same))
        pairs += _list_pairs(scores[same, position], top_item[same], top_score[same], manifest.ranking.kind)
    _check_others("sequence", others, SEQUENCES * SEQUENCE_LENGTH)
    return _within("sequence", pairs, SEQUENCE_TOLERANCE)


def _are_same_lists(
    network: RecurrentNetwork,
    scores: NDArray[np.float32],
    top_item: NDArray[np.int64],
    top_score: NDArray[np.float32],
) -> NDArray[np.bool_]:
    """Tell which lists, (B,), hold torch's items in torch's order; of networks that score items one by one, all may."""
    if not isinstance(network, ListingNetwork):
        return np.ones(len(scores), dtype=np.bool_)
    best_first = torch.topk(torch.from_numpy(scores), top_item.shape[1]).indices.numpy()
    same: NDArray[np.bool_] = ((best_first == top_item) | np.isneginf(top_score)).all(axis=1)
    return same


def _check_others(gate: str, others: int, lists: int) -> None:
    if others > MAX_OTHER_LISTS * lists:
        raise ParityError(
            f"The {gate} gate is shut: {others} of {lists} lists are not those of torch, at most "
            f"{MAX_OTHER_LISTS:.0%} may be. {REMEDY}"
        )


def _batch_gate(runtime: ModelRuntime, users: _Users) -> None:
    """Compare with each user alone, for every batch size, in the order drawn and in another."""
    in_order = np.arange(USERS)
    permuted = np.random.default_rng(seed=2).permutation(USERS)
    alone = _in_batches(runtime, users, in_order, batch_size=1)
    for batch_size in BATCH_SIZES:
        for rows in (in_order, permuted):
            together = _in_batches(runtime, users, rows, batch_size)
            for name, expected in alone.items():
                if expected[rows].tobytes() != together[name].tobytes():
                    difference = _largest_difference(expected[rows], together[name])
                    raise ParityError(
                        f"The batch gate is shut: {name} of a user in a batch of {batch_size} is not bit for bit what "
                        f"it is alone (largest difference {difference:.3g}, tolerance 0). {REMEDY}"
                    )


def _in_batches(runtime: ModelRuntime, users: _Users, rows: NDArray[np.int64], batch_size: int) -> dict[str, Output]:
    """Step and rank the users of `rows` in batches of one size; the outputs by name, each (len(rows), ...)."""
    outputs = []
    for start in range(0, len(rows), batch_size):
        batch = users.take(rows[start : start + batch_size])
        state = runtime.step(batch.item_index, batch.features, batch.state)
        outputs.append((*state, *runtime.rank(state, batch.exclude_index, batch.item_bias, batch.boosts)))
    names = [*(f"{tensor.name}_next" for tensor in runtime.manifest.state), "top_item", "top_score"]
    return {name: np.concatenate(parts) for name, parts in zip(names, zip(*outputs, strict=True), strict=True)}


# What torch computes, and what the graph does.
_Pair = tuple[NDArray[np.float32], NDArray[np.float32]]


def _list_pairs(
    scores: NDArray[np.float32], top_item: NDArray[np.int64], top_score: NDArray[np.float32], kind: RankingKind
) -> list[_Pair]:
    """Pair a list with all scores (B, V) so that two items of nearly the same score may change places.

    Each listed item has the score that it is listed with. The score in each place is that place's best; an int8 ranking
    may miss one of a thousand, which the exporter measures, but it fills as many places.
    """
    # torch puts a NaN first, where it is found.
    best_first = torch.topk(torch.from_numpy(scores), top_score.shape[1]).values.numpy()
    is_empty = np.isneginf(top_score)
    listed = np.where(is_empty, np.float32(-np.inf), np.take_along_axis(scores, top_item, axis=1))
    if kind == "exact":
        return [(best_first, top_score), (listed, top_score)]
    return [(np.isneginf(best_first).astype(np.float32), is_empty.astype(np.float32)), (listed, top_score)]


def _within(gate: str, pairs: list[_Pair], tolerance: float) -> float:
    """Return the largest difference, or raise if it is too large for the size of the values."""
    largest = 0.0
    for expected, found in pairs:
        difference = _largest_difference(expected, found)
        magnitude = max(1.0, float(np.abs(expected, where=np.isfinite(expected), out=np.zeros_like(expected)).max()))
        # Written so that a NaN is a failure.
        if not difference <= tolerance * magnitude:
            raise ParityError(
                f"The {gate} gate is shut: torch and onnxruntime differ by {difference:.3g} in values of up to "
                f"{magnitude:.3g} (tolerance {tolerance * magnitude:.3g}). {REMEDY}"
            )
        largest = max(largest, difference)
    return largest


def _largest_difference(expected: Output, found: Output) -> float:
    with np.errstate(invalid="ignore"):  # -inf - -inf, where both leave the same item out
        return float(np.where(expected == found, 0, np.abs(expected - found)).max())
