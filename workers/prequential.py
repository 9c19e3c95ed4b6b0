"""Prequential scoring: every click is first scored against the list that its user had, then learnt from.

The list that a user had is the last one that was published for his state. Of a user in the arena its items are
remembered; of one who was read from the store it is ranked again from what was read, and ranking is deterministic: the
items are those that were published, whoever left the arena and whichever worker is started anew. With live counts it
was ranked with a snapshot of them that is gone: who was read from the store then had no list that anybody knows of.
Nobody had a list who has no state, whose state expired, did not decode, or was made by another model. Clicks without
consent are not scored, and their lists are nobody's; a redelivered click was scored before.

Weights stay as they are: what is learnt from a click is its user's state. Scoring before learning is Dawid's
prequential principle ("Statistical theory: the prequential approach", J. R. Stat. Soc. A 147, 1984).

Legend: N clicks of a micro-batch, S of them stepped, O of them scored, U rows of the arena, V items, K list length,
R ring length.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from export.artifact import Artifact
from export.popular_list import PopularList
from workers.loading import LoadedRows
from workers.ranking import RankedItems, Ranker
from workers.state_arena import UNKNOWN_ITEM, Rows, StateArena
from workers.stepping import NO_ROW, SteppedClicks, Stepper

# No code of a strategy, and no index of an item, not even of an unknown one.
_NO_LIST = 255
_NO_ITEM = -2


@dataclass(frozen=True, slots=True)
class ScoredClicks:
    """Clicks whose user had a list, a column a field, in the order of the micro-batch.

    Attributes:
        position: Which clicks of the micro-batch, (O,).
        rank: The clicked item's place in the list that the user had, from 1; 0 where it was not in it, (O,).
        popular_rank: Its place in the popular list with the same items left out, likewise, (O,).
        strategy: How that list had come about: positions in `STRATEGIES`, (O,). `rebuilt` is remembered as long as the
            user stays in the arena; a list that is ranked again counts as `personal`.
        history_length: Clicks that the user's state stood for before this one, (O,).
        is_known: Whether the model knows the item; a click on another is a miss, (O,).
    """

    position: NDArray[np.int64]
    rank: NDArray[np.int64]
    popular_rank: NDArray[np.int64]
    strategy: NDArray[np.uint8]
    history_length: NDArray[np.int64]
    is_known: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.position)

    @classmethod
    def of_batches(cls, batches: Sequence["ScoredClicks"]) -> Self:
        """Return the clicks of several micro-batches, one at least; positions are those in each of them."""
        columns = [[getattr(batch, field.name) for batch in batches] for field in fields(cls)]
        return cls(*map(np.concatenate, columns))


class PrequentialScorer:
    """Remembers the lists of the users in the arena, and scores clicks against them.

    Args:
        artifact: The model's items and their popularity.
        arena: Whose rows are remembered.
        stepper: Hands on the states to rank from.
        ranker: Ranks as it did for the published list.
        item_bias: The ranker's, (V,).
        exclude_seen: Whether the items of a user's ring are left out of his list.
        per_click: Whether every click gets its list, so that a user's next click in a micro-batch is scored against it;
            else all of them are scored against the list of the micro-batches before.
        ranks_again: Whether a list is ranked again of a user who was read from the store.
    """

    def __init__(
        self,
        artifact: Artifact,
        arena: StateArena,
        stepper: Stepper,
        ranker: Ranker,
        *,
        item_bias: NDArray[np.float32],
        exclude_seen: bool,
        per_click: bool,
        ranks_again: bool,
    ) -> None:
        self._arena = arena
        self._stepper = stepper
        self._ranker = ranker
        self._per_click = per_click
        self._ranks_again = ranks_again
        # Columns of `seen_index`.
        self._seen_items = artifact.manifest.ring_length if exclude_seen else 0
        self._popular = PopularPlaces(artifact, item_bias)
        rows = len(arena.head)
        self._items = np.full((rows, artifact.manifest.list_length), _NO_ITEM, np.int32)
        self._strategy = np.full(rows, _NO_LIST, np.uint8)

    def recall(self, rows: Rows, loaded: LoadedRows) -> "ListsHad":
        """Have the lists at hand that users have before their clicks are stepped.

        Args:
            rows: Each click's row, -1 without consent, (N,).
            loaded: Which rows were filled for this micro-batch.
        """
        self._strategy[loaded.newcomers] = _NO_LIST
        if loaded.as_left.size and self._ranks_again:
            states = self._stepper.without_a_click(loaded.as_left)
            ranked = self._ranker.rank(states)
            self._remember(states, _items_of(ranked))
        return ListsHad(self, self._arena.ring_items(rows, self._seen_items))

    def score(
        self,
        seen_before: NDArray[np.int32],
        item_index: NDArray[np.int64],
        stepped: SteppedClicks,
        listed: SteppedClicks,
        ranked: RankedItems,
    ) -> ScoredClicks:
        """Score a micro-batch's clicks, and remember the lists that they brought about.

        Args:
            seen_before: Items left out of the lists of before the micro-batch, padded with -1, (N, R) or (N, 0).
            item_index: What was clicked, -1 for an item that the model does not know, (N,).
            stepped: The clicks, in the order of the micro-batch.
            listed: Those that got a list: all of them per click.
            ranked: These lists.
        """
        new_items = _items_of(ranked)
        scored, previous = self._with_lists(stepped)
        position, row = stepped.position[scored], stepped.row[scored]
        items, strategy, seen_index = self._items[row], self._strategy[row], seen_before[position]
        if len(later := np.flatnonzero(previous >= 0)):
            # Against the list of the click before, which is of this micro-batch.
            before = previous[later]
            items[later], strategy[later] = new_items[before], stepped.strategy[before]
            seen_index[later] = stepped.seen_index[before, : self._seen_items]
        self._remember(listed, new_items)
        item = item_index[position]
        return ScoredClicks(
            position=position,
            rank=_places_in(items, item),
            popular_rank=self._popular.ranks(item, seen_index),
            strategy=strategy,
            history_length=stepped.clicks[scored] - 1,
            is_known=item != UNKNOWN_ITEM,
        )

    def _with_lists(self, stepped: SteppedClicks) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return which clicks' users had a list, (O,), and which click of the batch it is of, -1 for none, (O,)."""
        place, previous = earlier_clicks(stepped.row)
        history_length = stepped.clicks - 1
        # Of a click without consent this is another row's affair; it has no history.
        has_list = self._strategy[stepped.row] != _NO_LIST
        if self._per_click:
            has_list = (has_list | (previous >= 0)) & (history_length > 0)
        else:
            # A state that began in this micro-batch, again where it expired, has no list of those before.
            has_list &= history_length > place
            previous = np.full(len(previous), -1)
        scored = np.flatnonzero(has_list)
        return scored, previous[scored]

    def _remember(self, listed: SteppedClicks, items: NDArray[np.int64]) -> None:
        of_state = listed.row != NO_ROW
        rows = listed.row[of_state]
        # Of a user's several lists the newest stays: numpy keeps the last value of an index that comes again.
        self._items[rows] = items[of_state]
        self._strategy[rows] = listed.strategy[of_state]


class ListsHad(NamedTuple):
    """The lists that users had before a micro-batch, until they have new ones.

    Attributes:
        scorer: Who remembers them.
        seen_before: Items left out of them, padded with -1, (N, R); (N, 0) where none ever are.
    """

    scorer: PrequentialScorer
    seen_before: NDArray[np.int32]

    def score(
        self, item_index: NDArray[np.int64], stepped: SteppedClicks, listed: SteppedClicks, ranked: RankedItems
    ) -> ScoredClicks:
        """Score the micro-batch's clicks: `PrequentialScorer.score`."""
        return self.scorer.score(self.seen_before, item_index, stepped, listed, ranked)


class PopularPlaces:
    """Where in the popular list an item is: `PopularList` without the lists.

    Args:
        artifact: Its items' popularity and its list length.
        item_bias: Added to every score, (V,).
    """

    def __init__(self, artifact: Artifact, item_bias: NDArray[np.float32]) -> None:
        manifest = artifact.manifest
        self._list_length = manifest.list_length
        scores = PopularList(artifact, item_bias).scores
        # Of no list, however many items are left out: items that are not available, and, at index -1, unknown ones.
        nowhere = manifest.item_count + manifest.list_length + manifest.ring_length
        self._place = np.full(manifest.item_count + 1, nowhere)
        best_first = np.argsort(-scores, kind="stable")
        available = best_first[scores[best_first] > -np.inf]
        self._place[available] = np.arange(len(available))

    def ranks(self, item_index: NDArray[np.int64], seen_index: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return each item's rank in the popular list, 0 where it is not in it, (O,).

        Args:
            item_index: The items, (O,).
            seen_index: Items that are left out of each one's list, padded with -1, (O, R) or (O, 0).
        """
        place = self._place[item_index]
        if not seen_index.shape[1]:
            return np.where(place < self._list_length, place + 1, 0)
        # Items left out let others move up, no further than there are of them.
        near = np.flatnonzero(place < self._list_length + seen_index.shape[1])
        ranks = np.zeros(len(place), np.int64)
        ranks[near] = self._ranks_behind(place[near], np.sort(self._place[seen_index[near]], axis=1))
        return ranks

    def _ranks_behind(self, place: NDArray[np.int64], left_out: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the ranks of items at these places, (O,), where those at others, ascending, are left out, (O, R)."""
        # A ring may have an item more than once.
        counts = np.diff(left_out, axis=1, prepend=-1) > 0
        rank = place + 1 - (counts & (left_out < place[:, None])).sum(axis=1)
        is_left_out = (left_out == place[:, None]).any(axis=1)
        return np.where(is_left_out | (rank > self._list_length), 0, rank)


def earlier_clicks(rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many clicks of its user come before each one, and which is the last of them, -1 for none; both (S,).

    Args:
        rows: Each click's row, users mixed, each one's clicks in their order; those without consent are nobody's, (S,).
    """
    place, previous = np.zeros(len(rows), np.int64), np.full(len(rows), -1)
    # One number a click to sort by, user first: a fraction of the time of a stable argsort.
    bits = len(rows).bit_length()
    by_user = np.sort((rows << bits) | np.arange(len(rows)))
    order, owner = by_user & ((1 << bits) - 1), by_user >> bits
    again = np.flatnonzero((owner[1:] == owner[:-1]) & (owner[1:] != NO_ROW)) + 1
    if len(again):
        previous[order[again]] = order[again - 1]
        first = np.arange(len(rows))
        first[again] = 0
        place[order] = np.arange(len(rows)) - np.maximum.accumulate(first)
    return place, previous


def _items_of(ranked: RankedItems) -> NDArray[np.int64]:
    """Return the items of these lists, best first, nothing where they end early, (S, K)."""
    if (ranked.top_score[:, -1] > -np.inf).all():
        return ranked.top_item
    return np.where(ranked.top_score > -np.inf, ranked.top_item, _NO_ITEM)


def _places_in(items: NDArray[np.int32], item_index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each item's place in its list, from 1, 0 where it is not in it, (O,)."""
    ranks = np.zeros(len(items), np.int64)
    # A hit is rare: flat, the search for them takes a fraction of the time.
    found, place = np.divmod(np.flatnonzero(items == item_index.astype(np.int32)[:, None]), items.shape[1])
    ranks[found] = place + 1
    return ranks
