"""The worker's lists without a worker: an artifact stepped through a table of clicks.

**Invariant.** These lists equal the worker's, item by item and score by score, for the same clicks in the same order
of each user: the same session rule, features, rounding of the state, ring and graphs. In order, for every click:

1. The gap is the event time since the user's newest click; a late click's is 0.
2. Where the click begins a session, the state starts over and the gap is 0.
3. The state takes one step; an item that the vocabulary does not hold leaves it as it is.
4. The item joins the user's ring of the last R.
5. The list is ranked from the new state, without the ring's items where seen items are excluded. While nothing that
   the model knows has reached the state, it is the popular list.

Users are stepped side by side, their first clicks, then their second ones: as in the worker's rounds.

Legend: N clicks, U users, B users of one run, K list length, R ring length.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from export.artifact import Artifact
from export.popular_list import PopularList
from export.runtime import ModelRuntime, State, no_exclusions
from models.preparation.sessions import values_of
from models.sequences.features import encode_features
from models.session_rule import SessionRule

# Scores of a few rows stay in the second-level cache; parity is proven for batches of up to 256.
USERS_AT_ONCE = 32
UNKNOWN_ITEM = -1


class ListBlock(NamedTuple):
    """The lists after some of the clicks.

    Attributes:
        click: Which clicks, rows of the table, (B,).
        top_item: (B, K), best first.
        top_score: (B, K); -inf where the list has no more items.
        seen_index: What the seen filter leaves out, (B, R), padded with -1; all -1 where it is off.
    """

    click: NDArray[np.int64]
    top_item: NDArray[np.int64]
    top_score: NDArray[np.float32]
    seen_index: NDArray[np.int64]


class StateBlock(NamedTuple):
    """What users' states are after some of the clicks.

    Attributes:
        click: Which clicks, rows of the table, (B,).
        state: Each (B, ...).
        ring_index: The items that each user clicked last, newest last, (B, R), padded with -1.
    """

    click: NDArray[np.int64]
    state: State
    ring_index: NDArray[np.int64]


def lists_after_clicks(
    artifact: Artifact, clicks: pl.DataFrame, *, exclude_seen: bool | None = None
) -> Iterator[ListBlock]:
    """Give every click its list; each click occurs in exactly one block.

    Args:
        artifact: The model.
        clicks: The columns of `prepared_data.CLICK_SCHEMA`; each user's clicks in the order of their offsets.
        exclude_seen: Whether the items of a user's ring are left out; None: as the manifest says.
    """
    manifest = artifact.manifest
    excludes = manifest.exclude_seen if exclude_seen is None else exclude_seen
    runtime = ModelRuntime(artifact)
    popular = PopularList(artifact)
    no_bias = np.zeros(manifest.item_count, dtype=np.float32)
    for click, state, ring_index in states_after_clicks(artifact, runtime, clicks):
        seen_index = ring_index if excludes else no_exclusions(len(click), manifest.ring_length)
        top_item, top_score = runtime.rank(state, seen_index, no_bias)
        is_empty = are_empty(state)
        top_item[is_empty], top_score[is_empty] = popular.rank(seen_index[is_empty])
        yield ListBlock(click, top_item, top_score, seen_index)


def states_after_clicks(artifact: Artifact, runtime: ModelRuntime, clicks: pl.DataFrame) -> Iterator[StateBlock]:
    """Step users through their clicks, each in exactly one block; the arguments are those of `lists_after_clicks`."""
    manifest = artifact.manifest
    timeline = timeline_of(clicks, manifest.session_rule)
    features = encode_features(
        manifest.features, timeline.gap_ms, clicks["event_type"].to_list(), values_of(clicks["value"])
    )  # (N, F)
    item_index = item_indices(artifact, clicks)
    state = runtime.initial_state(timeline.user_count)  # each (U, ...)
    rings = no_exclusions(timeline.user_count, manifest.ring_length)  # (U, R), newest last
    for click in _rounds(timeline.user):
        user, item = timeline.user[click], item_index[click]  # (B,)
        begins = timeline.begins_session[click]
        for tensor in state:
            tensor[user[begins]] = 0
        known = item != UNKNOWN_ITEM
        stepped = runtime.step(item[known], features[click[known]], tuple(tensor[user[known]] for tensor in state))
        for tensor, advanced in zip(state, stepped, strict=True):
            tensor[user[known]] = advanced
        rings[user] = np.concatenate([rings[user, 1:], item[:, None]], axis=1)
        yield StateBlock(click, tuple(tensor[user] for tensor in state), rings[user])


def are_empty(state: State) -> NDArray[np.bool_]:
    """Tell which states nothing that the model knows has reached, (B,)."""
    reached: NDArray[np.bool_] = np.any([tensor.reshape(len(tensor), -1).any(axis=1) for tensor in state], axis=0)
    return ~reached


class Timeline(NamedTuple):
    """What follows from users, sessions and times alone, for every click.

    Attributes:
        user_count: U.
        user: Whose click, 0 to U - 1, (N,).
        gap_ms: Event time since the user's newest click; 0 where a session begins or the click is late, (N,).
        begins_session: (N,).
    """

    user_count: int
    user: NDArray[np.int64]
    gap_ms: NDArray[np.int64]
    begins_session: NDArray[np.bool_]


def timeline_of(clicks: pl.DataFrame, rule: SessionRule) -> Timeline:
    """Follow users through a click table, each user's clicks in order."""
    user_of_id: dict[str, int] = {}
    updated_at_ms: list[int] = []  # by user
    session_of_user: list[str | None] = []
    user = np.zeros(len(clicks), dtype=np.int64)
    gap_ms = np.zeros(len(clicks), dtype=np.int64)
    begins_session = np.zeros(len(clicks), dtype=np.bool_)
    rows = clicks.select("user_id", "session_id", "timestamp_ms").iter_rows()
    for row, (user_id, session_id, timestamp_ms) in enumerate(rows):
        number = user_of_id.setdefault(user_id, len(user_of_id))
        user[row] = number
        if number == len(updated_at_ms):
            updated_at_ms.append(timestamp_ms)
            session_of_user.append(session_id)
            begins_session[row] = True
            continue
        gap = max(0, timestamp_ms - updated_at_ms[number])
        other_id = session_id is not None and session_id != session_of_user[number]
        begins_session[row] = rule.begins_session(gap, other_id=other_id)
        gap_ms[row] = 0 if begins_session[row] else gap
        updated_at_ms[number] = max(updated_at_ms[number], timestamp_ms)
        session_of_user[number] = session_id if session_id is not None else session_of_user[number]
    return Timeline(len(user_of_id), user, gap_ms, begins_session)


def item_indices(artifact: Artifact, clicks: pl.DataFrame) -> NDArray[np.int64]:
    """Return the row of every click's item, (N,); `UNKNOWN_ITEM` where the vocabulary does not hold it."""
    indices = (artifact.vocabulary.index_of(item_id) for item_id in clicks["item_id"])
    return np.array([UNKNOWN_ITEM if index is None else index for index in indices], dtype=np.int64)


def _rounds(user: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Cut clicks, (N,), into runs in which no user occurs twice; a user's clicks keep their order."""
    by_user = np.argsort(user, kind="stable")
    _, first, counts = np.unique(user[by_user], return_index=True, return_counts=True)
    turn = np.empty(len(user), dtype=np.int64)
    turn[by_user] = np.arange(len(user)) - np.repeat(first, counts)
    by_turn = np.argsort(turn, kind="stable")
    for round_ in np.split(by_turn, np.cumsum(np.bincount(turn))[:-1]):
        for start in range(0, len(round_), USERS_AT_ONCE):
            yield round_[start : start + USERS_AT_ONCE]
