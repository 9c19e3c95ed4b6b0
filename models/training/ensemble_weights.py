"""What the members of an ensemble weigh: the weights under which a period that none of them learned is most likely.

A softmax over the weighted sum of their scores is a log-linear model with as many parameters as members; its
cross-entropy is convex in them, so that there is one best answer.

Legend: P predictions, V items, M members.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from models.evaluation.protocol import network_scores
from models.networks.ensemble import EnsembleNetwork
from models.sequences.encoded_sessions import UNKNOWN_ITEM, EncodedSessions, enumerate_predictions

# Bound of memory: scores that are kept of all members together, in float32.
SCORES_AT_ONCE = 200_000_000
_ITERATIONS = 100


def fit_weights(ensemble: EnsembleNetwork, validation: EncodedSessions) -> tuple[float, ...]:
    """Return the weights of the members with the least cross-entropy.

    Args:
        ensemble: Its members are trained and in evaluation mode; their present weights are where the search begins.
        validation: Sessions that no member has learned.
    """
    scores, target = _scores_of_members(ensemble, validation)
    weights = torch.tensor(ensemble.weights, dtype=torch.float64).float().requires_grad_()
    optimiser = torch.optim.LBFGS([weights], max_iter=_ITERATIONS, line_search_fn="strong_wolfe")

    def cross_entropy() -> Tensor:
        optimiser.zero_grad()
        loss = functional.cross_entropy(torch.tensordot(weights, scores, dims=1), target)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return loss

    optimiser.step(cross_entropy)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return tuple(float(weight) for weight in weights.detach().tolist())


def _scores_of_members(ensemble: EnsembleNetwork, validation: EncodedSessions) -> tuple[Tensor, Tensor]:
    """Return the members' scores, (M, P, V), and what was clicked, (P,), for as many predictions as memory allows.

    Where it does not allow all, evenly spaced ones are taken. Targets that nobody knows teach nothing.
    """
    predictions = enumerate_predictions(validation)
    known = np.flatnonzero(predictions.target_index != UNKNOWN_ITEM)
    most = max(1, SCORES_AT_ONCE // (len(ensemble.members) * ensemble.inputs.item_count))
    taken = known[:: -(-len(known) // most)]
    place = np.full(len(predictions), -1)
    place[taken] = np.arange(len(taken))
    scores = torch.empty(len(ensemble.members), len(taken), ensemble.inputs.item_count)
    for number, member in enumerate(ensemble.members):
        for block in network_scores(member, validation):
            rows = place[block.rows]
            scores[number, rows[rows >= 0]] = torch.from_numpy(block.scores[rows >= 0])
    return scores, torch.from_numpy(predictions.target_index[taken])
