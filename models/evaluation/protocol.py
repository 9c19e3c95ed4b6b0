"""The protocol: for every click of a session but its history, rank the whole catalogue given the clicks before it.

Without history that is every click but the first, see `models.sequences.encoded_sessions.enumerate_predictions`.

Legend: P predictions, N of them that are scored together, V items; B, T, E as in `models.networks`.
"""

from collections.abc import Iterator

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.errors import DataError
from models.evaluation.exposure import exposure_of
from models.evaluation.following_items import following_figures
from models.evaluation.metrics import RankingTally, catalogue_coverage
from models.evaluation.ranked_predictions import LIST_LENGTH, RankedPredictions, rank_predictions
from models.evaluation.scorer import ScoreBlock, Scorer, blocks_of_predictions, predictions_at_once
from models.networks.sequence_network import SequenceNetwork
from models.sequences.encoded_sessions import UNKNOWN_ITEM, EncodedSessions, Predictions, enumerate_predictions

# Bound of memory: the cells of one padded batch.
_CELLS_AT_ONCE = 16_384


class EvaluationReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Figures over all predictions.

    Attributes:
        metrics: `Recall@1` and so on, and `Coverage@20`, the share of the catalogue that is in at least one list of 20.
        predictions: How many clicks were predicted.
        sessions: How many sessions they come from.
        unknown_targets: How many of them were of items that the model does not know; each counts as a miss.
        following: The same lists judged by the set of the next few clicks, where they were made for these, see
            `models.evaluation.following_items`.
    """

    metrics: dict[str, float]
    predictions: int
    sessions: int
    unknown_targets: int
    following: dict[str, float] = {}


def evaluate(
    scorer: Scorer, sessions: EncodedSessions, *, exclude_last: int = 0, clicks_ahead: int = 1
) -> EvaluationReport:
    """Evaluate anything that scores the catalogue; `rank_predictions` has the ranks one by one.

    Args:
        scorer: The model.
        sessions: What to predict.
        exclude_last: How many of a user's last clicks may not be listed again (the seen filter); 0 lists them all.
        clicks_ahead: How many of the next clicks the lists are judged by too; 1: by the next one alone.

    Raises:
        DataError: If no session has two clicks.
    """
    judgement = _Judgement(clicks_ahead)
    for piece in sessions.pieces():
        if piece.prediction_count:
            judgement.add(rank_predictions(scorer.score(piece), piece, exclude_last=exclude_last), piece)
    return judgement.report()


def evaluate_network(network: SequenceNetwork, sessions: EncodedSessions, *, exclude_last: int = 0) -> EvaluationReport:
    """Evaluate a network, stepping its state through every session from an empty one.

    Args:
        network: Left in the mode, training or evaluation, that it was in.
        sessions: What to predict.
        exclude_last: How many of a user's last clicks may not be listed again (the seen filter); 0 lists them all.

    Raises:
        DataError: If no session has two clicks.
    """
    return evaluate(NetworkScorer(network), sessions, exclude_last=exclude_last, clicks_ahead=network.clicks_ahead)


class NetworkScorer:
    """Scores with a network that steps through every session from an empty state.

    Args:
        network: Left in the mode, training or evaluation, that it was in.
    """

    def __init__(self, network: SequenceNetwork) -> None:
        self._network = network

    def score(self, sessions: EncodedSessions) -> Iterator[ScoreBlock]:
        """Score the catalogue for everything that `enumerate_predictions` lists, in evaluation mode."""
        was_training = self._network.training
        self._network.eval()
        try:
            yield from network_scores(self._network, sessions)
        finally:
            self._network.train(was_training)


def evaluate_popularity(
    popularity: NDArray[np.int64], sessions: EncodedSessions, *, exclude_last: int = 0, clicks_ahead: int = 1
) -> EvaluationReport:
    """Evaluate the list of the most clicked items on the same predictions.

    Args:
        popularity: Training clicks of every item, (V,).
        sessions: What to predict.
        exclude_last: As for the network.
        clicks_ahead: As in `evaluate`.

    Raises:
        DataError: If no session has two clicks.
    """
    return evaluate(_SameScores(popularity), sessions, exclude_last=exclude_last, clicks_ahead=clicks_ahead)


def network_scores(network: SequenceNetwork, sessions: EncodedSessions) -> Iterator[ScoreBlock]:
    """Score the catalogue for everything that `enumerate_predictions` lists, sessions of similar length together."""
    predictions = enumerate_predictions(sessions)
    for block in _blocks_of_similar_length(sessions):
        # A generator must not yield under inference_mode: the mode would be its caller's.
        with torch.inference_mode():
            output, rows = _outputs_before_predictions(network, sessions, predictions, block)
        at_once = predictions_at_once(network.inputs.item_count)
        for begin in range(0, len(rows), at_once):
            part = slice(begin, begin + at_once)
            with torch.inference_mode():
                scores = network.item_scores(output[part])
            yield ScoreBlock(rows[part], scores.cpu().numpy())


def _blocks_of_similar_length(sessions: EncodedSessions) -> Iterator[NDArray[np.int64]]:
    """Cut the sessions with something to predict into blocks that can be padded and stepped through at once."""
    by_length = np.argsort(sessions.lengths, kind="stable")
    waiting = by_length[sessions.lengths[by_length] > 1]
    while waiting.size:
        # In order of length: a block is padded to its last session.
        cells = sessions.lengths[waiting] * np.arange(1, len(waiting) + 1)
        count = max(1, int(np.searchsorted(cells, _CELLS_AT_ONCE, side="right")))
        yield waiting[:count]
        waiting = waiting[count:]


def _outputs_before_predictions(
    network: SequenceNetwork, sessions: EncodedSessions, predictions: Predictions, block: NDArray[np.int64]
) -> tuple[Tensor, NDArray[np.int64]]:
    """Step through B sessions.

    Returns:
        The network's output before every prediction in them, (N, D), and which predictions these are, (N,).
    """
    inputs = sessions.lengths[block] - 1  # (B,): a session's last click is only a target
    column = np.arange(inputs.max())  # (T,)
    is_input = column < inputs[:, None]  # (B, T)
    click = sessions.first_click[block][:, None] + np.where(is_input, column, 0)
    is_known = is_input & (sessions.item_index[click] != UNKNOWN_ITEM)
    # An unknown item leaves the state as it is: step through the known ones only, and look each output up by how many
    # of them came before.
    known_first = np.argsort(~is_known, axis=1, kind="stable")
    item_index = np.take_along_axis(np.where(is_known, sessions.item_index[click], 0), known_first, axis=1)
    item_index = item_index.astype(np.int64, copy=False)  # sessions on disk have narrower numbers
    features = np.take_along_axis(sessions.features[click], known_first[:, :, None], axis=1)
    empty = network.initial_state(len(block))
    device = network.device
    output, _ = network(torch.from_numpy(item_index).to(device), torch.from_numpy(features).to(device), empty)
    # (B, T, D) -> (B, T + 1, D), after 0, 1, ... T known clicks
    output = torch.cat((network.output_of(empty)[:, None], output), dim=1)
    row, rows = predictions.within(block)
    known_before = np.cumsum(is_known, axis=1)[row, predictions.position[rows] - 1]
    return output[torch.from_numpy(row).to(device), torch.from_numpy(known_before).to(device)], rows


class _SameScores:
    """Scores every prediction alike.

    Args:
        popularity: Training clicks of every item, (V,).
    """

    def __init__(self, popularity: NDArray[np.int64]) -> None:
        self._scores = popularity.astype(np.float32)

    def score(self, sessions: EncodedSessions) -> Iterator[ScoreBlock]:
        for rows in blocks_of_predictions(sessions.prediction_count, len(self._scores)):
            yield ScoreBlock(rows, np.tile(self._scores, (len(rows), 1)))


class _Judgement:
    """Sums up what a model made of the predictions, piece by piece: the lists of one piece are held, no more.

    Args:
        clicks_ahead: How many of the next clicks the lists are judged by too; 1: by the next one alone.
    """

    def __init__(self, clicks_ahead: int = 1) -> None:
        self._clicks_ahead = clicks_ahead
        self._tally = RankingTally()
        self._listed = np.zeros(0, dtype=np.bool_)  # (V,)
        self._sessions = self._unknown_targets = 0
        self._following: list[tuple[int, dict[str, float]]] = []

    def add(self, ranked: RankedPredictions, sessions: EncodedSessions) -> None:
        """Count what was made of a piece."""
        listed = exposure_of(ranked.top_item, ranked.item_count) > 0
        self._listed = self._listed | listed if len(self._listed) else listed
        self._tally.add(ranked.ranks)
        self._sessions += len(np.unique(ranked.predictions.session))
        self._unknown_targets += int(np.count_nonzero(ranked.predictions.target_index == UNKNOWN_ITEM))
        if self._clicks_ahead > 1:
            figures = following_figures(ranked, sessions, count=self._clicks_ahead)
            self._following.append((len(ranked.predictions), figures))

    def report(self) -> EvaluationReport:
        """Return the figures.

        Raises:
            DataError: If there was no prediction.
        """
        if not self._tally.predictions:
            raise DataError("There is nothing to evaluate on: no session has two clicks. Test on a longer period.")
        return EvaluationReport(
            metrics={**self._tally.figures(), f"Coverage@{LIST_LENGTH}": catalogue_coverage(self._listed)},
            predictions=self._tally.predictions,
            sessions=self._sessions,
            unknown_targets=self._unknown_targets,
            following=_weighted_means(self._following),
        )


def _weighted_means(parts: list[tuple[int, dict[str, float]]]) -> dict[str, float]:
    """Return the means over all predictions, given how many each part has and its own means."""
    if len(parts) <= 1:
        return parts[0][1] if parts else {}
    total = sum(count for count, _ in parts)
    return {name: sum(count * figures[name] for count, figures in parts) / total for name in parts[0][1]}
