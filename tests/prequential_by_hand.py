"""Prequential figures from published lists alone, in plain Python: what the worker's own must be equal to."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from export.artifact import Artifact
from workers.events import ClickRecord

BINS = {"1": range(1, 2), "2-4": range(2, 5), "5-9": range(5, 10), "10-19": range(10, 20), "20+": range(20, 1_000_000)}


class ScoredByHand(NamedTuple):
    """A click of a user who had a list, as `nextclick.prequential.outcomes` has it."""

    partition: int
    offset: int
    user_id: str
    item_id: str
    history_length: int
    strategy: str
    rank: int
    popular_rank: int


def score_by_hand(
    artifact: Artifact, records: Iterable[ClickRecord], lists: Iterable[bytes], *, exclude_seen: bool = False
) -> list[ScoredByHand]:
    """Score clicks, each published once and none expired, against the lists that they brought about.

    Args:
        artifact: Its popularity and its lists' length.
        records: The click topic in an order in which each user's clicks are in theirs.
        lists: The bodies of the published lists, in any order; a record without one is no click.
        exclude_seen: Whether the popular list leaves out what the published ones do.
    """
    bodies = {_place(body): body for body in map(json.loads, lists)}
    had: dict[tuple[int, str], tuple[list[str], str]] = {}
    clicked: dict[tuple[int, str], list[str]] = {}
    scored = []
    for record in records:
        body = bodies.get((record.partition, record.offset))
        if body is None:
            continue
        click = json.loads(record.value or b"")
        if click.get("consent") is False:
            continue
        item_id = click["item_id"]
        user = record.partition, body["user_id"]
        if user in had:
            history, (items, strategy) = clicked[user], had[user]
            popular = popular_items(artifact, history[-artifact.manifest.ring_length :] if exclude_seen else [])
            ranks = _rank(items, item_id), _rank(popular, item_id)
            scored.append(ScoredByHand(*_place(body), user[1], item_id, len(history), strategy, *ranks))
        had[user] = body["items"], body["strategy"]
        clicked.setdefault(user, []).append(item_id)
    return scored


def popular_items(artifact: Artifact, left_out: Sequence[str]) -> list[str]:
    """Return the popular list of someone who has clicked these items."""
    rows = artifact.items.sort("popularity", descending=True, maintain_order=True)["item_id"].to_list()
    return [item_id for item_id in rows if item_id not in left_out][: artifact.manifest.list_length]


def counted_by_hand(scored: Iterable[ScoredByHand]) -> dict[str, Counter[tuple[str, str]]]:
    """Return opportunities, hits and the popular list's hits by strategy and history, as a worker counts them."""
    counts: dict[str, Counter[tuple[str, str]]] = {
        name: Counter() for name in ("opportunities", "hits", "popular_hits")
    }
    for one in scored:
        (history,) = (name for name, lengths in BINS.items() if one.history_length in lengths)
        cell = one.strategy, history
        counts["opportunities"][cell] += 1
        counts["hits"][cell] += one.rank > 0
        counts["popular_hits"][cell] += one.popular_rank > 0
    return counts


def _rank(items: Sequence[str], item_id: str) -> int:
    return items.index(item_id) + 1 if item_id in items else 0


def _place(body: Mapping[str, dict[str, int]]) -> tuple[int, int]:
    return body["source"]["partition"], body["source"]["offset"]
