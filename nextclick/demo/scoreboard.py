"""What the lists are worth, click by click: each click is looked up in the list that its user had when clicking.

Prequential: a list is scored by the click that follows it, as the clicks come. Popularity's list stands beside it, with
the same seen filter, for the same clicks.

Legend: K list length, R ring length.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from export.artifact import Artifact
from export.popular_list import PopularList
from export.runtime import no_exclusions
from models.evaluation.metrics import RankingTally, ranks_from_lists
from nextclick.demo.latencies import LatencyReport, latency_report
from nextclick.published_lists import PublishedList

CUTOFF = 20
CLICKS_SHOWN = 5
# What the throughput and latency shown while clicks flow look back on.
RECENT_S = 2.0
RECENT_LATENCIES = 2_000


@dataclass(frozen=True)
class RankedClick:
    """A click and where its item stood in the list that the user had.

    Attributes:
        item_id: What was clicked.
        place: From 1; None where it was not listed.
        had_list: Whether the user had a list at all.
    """

    item_id: str
    place: int | None
    had_list: bool


@dataclass(frozen=True)
class UserView:
    """A user at one moment: the last clicks, oldest first, and the items recommended next, best first."""

    user_id: str
    click_count: int
    clicks: tuple[RankedClick, ...]
    items: tuple[str, ...]


@dataclass(frozen=True)
class Figures:
    """How it stands at one moment.

    Attributes:
        lists: Lists that have come.
        predictions: Clicks that could be looked up in a list.
        model: `Recall@20` and `MRR@20`; empty before the first prediction.
        popularity: The same of the popular list.
        latency: Of the last lists; None before the first.
        lists_per_second: In the last two seconds.
    """

    lists: int
    predictions: int
    model: dict[str, float]
    popularity: dict[str, float]
    latency: LatencyReport | None
    lists_per_second: float


class Scoreboard:
    """Told of every list by the thread that reads them, looked at by the one that draws.

    Args:
        artifact: Whose lists they are.
    """

    def __init__(self, artifact: Artifact) -> None:
        self._vocabulary = artifact.vocabulary
        self._ring_length = artifact.manifest.ring_length
        self._exclude_seen = artifact.manifest.exclude_seen
        self._popular = PopularList(artifact)
        # A list that is not found in comes after every cutoff, also where the catalogue is shorter than 20.
        self._unlisted = max(CUTOFF, artifact.manifest.list_length) + 1
        self._model_tally, self._popular_tally = RankingTally((CUTOFF,)), RankingTally((CUTOFF,))
        self._users: dict[str, _User] = {}
        self._lists = 0
        self._latencies_s: list[float] = []
        self._recent_s: deque[float] = deque()
        self._lock = Lock()

    def add(self, item_id: str, published: PublishedList, *, sent_s: float, read_s: float) -> None:
        """Take in the list that answers a click on `item_id`.

        Args:
            item_id: What was clicked.
            published: The list after it.
            sent_s: When the click was sent.
            read_s: When its list had been read, by the same clock.
        """
        with self._lock:
            # Popped and put back: the user whose list is newest comes last.
            user = self._users.pop(published.user_id, None) or _User(self._ring_length)
            self._users[published.user_id] = user
            place = self._score(user, item_id) if user.click_count else None
            user.take(item_id, self._vocabulary.index_of(item_id), place, published)
            self._latencies_s.append(read_s - sent_s)
            self._count(read_s)

    def add_unscored(self, read_s: float) -> None:
        """Count a list that had been read at this moment, and nothing else."""
        with self._lock:
            self._count(read_s)

    def recent_users(self) -> list[str]:
        """Return everybody who has clicked, the latest first."""
        with self._lock:
            return list(reversed(self._users))

    def view(self, user_id: str) -> UserView:
        """Return a user as of now."""
        with self._lock:
            user = self._users[user_id]
            return UserView(user_id, user.click_count, tuple(user.clicks), user.items)

    def figures(self, now_s: float) -> Figures:
        """Return how it stands."""
        with self._lock:
            while self._recent_s and self._recent_s[0] < now_s - RECENT_S:
                self._recent_s.popleft()
            return Figures(
                lists=self._lists,
                predictions=self._model_tally.predictions,
                model=_figures(self._model_tally),
                popularity=_figures(self._popular_tally),
                latency=latency_report(self._latencies_s[-RECENT_LATENCIES:]),
                lists_per_second=len(self._recent_s) / RECENT_S,
            )

    def latency(self) -> LatencyReport | None:
        """Return the percentiles over all lists."""
        with self._lock:
            return latency_report(self._latencies_s)

    def _count(self, read_s: float) -> None:
        self._lists += 1
        self._recent_s.append(read_s)

    def _score(self, user: "_User", item_id: str) -> int | None:
        """Count the click for both tallies; return its place in the model's list."""
        place = place_in_list(item_id, user.items, user.scores)
        self._model_tally.add(np.array([place or self._unlisted]))
        exclude_index = no_exclusions(1, self._ring_length)
        if self._exclude_seen:
            exclude_index[0, : len(user.ring)] = user.ring
        top_item, top_score = self._popular.rank(exclude_index)  # (1, K) each
        index = self._vocabulary.index_of(item_id)
        popular_place = ranks_from_lists(top_item, top_score, np.array([-1 if index is None else index]))
        self._popular_tally.add(np.where(popular_place > top_item.shape[1], self._unlisted, popular_place))
        return place


def place_in_list(item_id: str, items: Sequence[str], scores: Sequence[float]) -> int | None:
    """Return an item's place in a list, from 1, behind all items of its score; None where it is not listed."""
    if item_id not in items:
        return None
    score = scores[items.index(item_id)]
    return sum(other >= score for other in scores)


def _figures(tally: RankingTally) -> dict[str, float]:
    figures = tally.figures()
    return {name: figures[name] for name in (f"Recall@{CUTOFF}", f"MRR@{CUTOFF}") if name in figures}


@dataclass
class _User:
    ring_length: int
    click_count: int = 0
    clicks: deque[RankedClick] = field(default_factory=lambda: deque(maxlen=CLICKS_SHOWN))
    items: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()
    ring: deque[int] = field(init=False)

    def __post_init__(self) -> None:
        self.ring = deque(maxlen=self.ring_length)

    def take(self, item_id: str, item_index: int | None, place: int | None, published: PublishedList) -> None:
        self.clicks.append(RankedClick(item_id, place, had_list=self.click_count > 0))
        self.click_count += 1
        self.ring.append(-1 if item_index is None else item_index)
        self.items, self.scores = published.items, published.scores
