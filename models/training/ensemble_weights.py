"""What the members of an ensemble weigh: the weights under which a period that none of them learned is most likely.

A softmax over the weighted sum of their scores is a log-linear model with as many parameters as members; its
cross-entropy is convex in them, so that there is one best answer.

Legend: P predictions, V items, M members.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.errors import DataError
from models.evaluation.protocol import network_scores
from models.networks.ensemble import EnsembleNetwork
from models.sequences.encoded_sessions import UNKNOWN_ITEM, EncodedSessions, Predictions, enumerate_predictions

# Bound of memory: scores that are kept of all members together, in float32.
SCORES_AT_ONCE = 200_000_000
_ITERATIONS = 100


def fit_weights(ensemble: EnsembleNetwork, validation: EncodedSessions) -> tuple[float, ...]:
    """Return the weights of the members with the least cross-entropy.

    Args:
        ensemble: Its members are trained and in evaluation mode; their present weights are where the search begins.
        validation: Sessions that no member has learned.

    Raises:
        DataError: If the members know none of what was clicked.
    """
    scores, target = scores_of_members(ensemble, validation)
    weights = torch.tensor(ensemble.weights, dtype=torch.float64).float().requires_grad_()
    optimiser = torch.optim.LBFGS([weights], max_iter=_ITERATIONS, line_search_fn="strong_wolfe")

    def cross_entropy() -> Tensor:
        optimiser.zero_grad()
        loss = functional.cross_entropy(torch.tensordot(weights, scores, dims=1), target)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return loss

    optimiser.step(cross_entropy)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return tuple(float(weight) for weight in weights.detach().tolist())


def scores_of_members(ensemble: EnsembleNetwork, validation: EncodedSessions) -> tuple[Tensor, Tensor]:
    """Return the members' scores, (M, P, V), and what was clicked, (P,), for as many predictions as memory allows.

    Where it does not allow all, evenly spaced ones are taken. Targets that nobody knows teach nothing.

    Raises:
        DataError: If nobody knows any.
    """
    member_count, item_count = len(ensemble.members), ensemble.inputs.item_count
    known = sum(len(_known(enumerate_predictions(piece))) for piece in validation.pieces())
    if not known:
        raise DataError("No click of the validation period is on an item that was learned: raise its `share`.")
    every = -(-known // max(1, SCORES_AT_ONCE // (member_count * item_count)))
    scores = torch.empty(member_count, -(-known // every), item_count)
    target = torch.empty(scores.shape[1], dtype=torch.int64)
    passed = filled = 0
    for piece in validation.pieces():
        predictions = enumerate_predictions(piece)
        of_piece = _known(predictions)
        taken = of_piece[-passed % every :: every]
        behind = filled + len(taken)
        _fill_scores(scores[:, filled:behind], ensemble, piece, taken)
        target[filled:behind] = torch.from_numpy(predictions.target_index[taken])
        passed, filled = passed + len(of_piece), behind
    return scores, target


def _known(predictions: Predictions) -> NDArray[np.int64]:
    """Return which predictions have a target that the members know."""
    return np.flatnonzero(predictions.target_index != UNKNOWN_ITEM)


def _fill_scores(
    scores: Tensor, ensemble: EnsembleNetwork, sessions: EncodedSessions, taken: NDArray[np.int64]
) -> None:
    """Write what the members score for some of the predictions, (N,), into (M, N, V)."""
    place = np.full(sessions.prediction_count, -1)
    place[taken] = np.arange(len(taken))
    for number, member in enumerate(ensemble.members):
        for block in network_scores(member, sessions):
            rows = place[block.rows]
            scores[number, rows[rows >= 0]] = torch.from_numpy(block.scores[rows >= 0])
