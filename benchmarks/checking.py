"""Holds published lists against the reference: a figure counts only if every list is there once and is right."""

from collections import Counter
from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.click_sets import EVENT_PREFIX, FIRST_CLICK_MS, ClickSet
from benchmarks.reference import Reference
from models.counts.count_records import decode_chunk, decode_key
from models.errors import NextclickError


class WrongListsError(NextclickError):
    """Lists are missing, came twice, or are not the ones that the model gives."""


class _Event(msgspec.Struct):
    """What tells a list's click, and an echo's."""

    event_id: str


class _List(_Event):
    """What is looked at of a published list."""

    items: list[str]
    scores: list[float]


_decode_event = msgspec.json.Decoder(_Event).decode
_decode_list = msgspec.json.Decoder(_List).decode


def click_number(value: bytes) -> int:
    """Return the number of the click that a list, or an echo, belongs to."""
    return _number(_decode_event(value))


def require_each_echo(values: Iterable[bytes], clicks: ClickSet) -> None:
    """Return if every click came back exactly once, byte for byte.

    Raises:
        WrongListsError: If not.
    """
    sent = Counter(value for _, _, value in clicks.records())
    came = Counter(values)
    if sent != came:
        raise WrongListsError(
            f"Of {len(clicks):,} echoes {len(sent - came):,} are missing and {len(came - sent):,} new."
        )


def require_each_list(values: Iterable[bytes], reference: Reference) -> None:
    """Return if every click has exactly one list, and it is the reference's, items and scores.

    Raises:
        WrongListsError: If not; it names the first click that is wrong.
    """
    clicks = np.arange(len(reference.clicks))
    _require(values, reference, owed=clicks)


def require_one_list_each(values: Iterable[bytes], clicks: ClickSet) -> None:
    """Return if every click has exactly one list, whatever is in it.

    Raises:
        WrongListsError: If not.
    """
    times = Counter(map(click_number, values))
    if set(times) != set(range(len(clicks))) or times.total() != len(clicks):
        raise WrongListsError(f"{len(clicks):,} clicks have {times.total():,} lists, of {len(times):,} of them.")


def require_counts(records: Iterable[tuple[bytes | None, bytes | None]], clicks: ClickSet, bucket_ms: int) -> None:
    """Return if each user's click of an item is counted once a bucket: as often as the default recipe counts it.

    Args:
        records: Keys and values of the counts topic, in the order of their offsets; one worker wrote them.
        clicks: What was clicked.
        bucket_ms: Length of a bucket.

    Raises:
        WrongListsError: If not.
    """
    newest = {decode_key(key): value for key, value in records if value is not None}
    counted = sum(int(decode_chunk(value).items["clicks"].sum()) for value in newest.values())
    bucket = (FIRST_CLICK_MS + np.arange(len(clicks))) // bucket_ms
    wanted = len(np.unique(np.stack([clicks.user, clicks.item_index, bucket]), axis=1).T)
    if counted != wanted:
        raise WrongListsError(f"The counts topic says {counted:,} clicks, where {wanted:,} count.")


def require_newest_lists(values: Iterable[bytes], reference: Reference) -> None:
    """Return if every user's last click has its list, no click has two, and each is the reference's.

    Raises:
        WrongListsError: If not.
    """
    user = reference.clicks.user
    _, first_from_the_end = np.unique(user[::-1], return_index=True)
    _require(values, reference, owed=len(user) - 1 - first_from_the_end)


def _require(values: Iterable[bytes], reference: Reference, *, owed: NDArray[np.int64]) -> None:
    times = np.zeros(len(reference.clicks), dtype=np.int64)
    wrong: list[int] = []
    for value in values:
        published = _decode_list(value)
        number = _number(published)
        if not 0 <= number < len(times):
            raise WrongListsError(f"There is a list of {published.event_id}, a click that was never sent.")
        times[number] += 1
        if not _is_right(published, reference, number):
            wrong.append(number)
    missing, again = owed[times[owed] == 0], np.flatnonzero(times > 1)
    if len(missing) or len(again) or wrong:
        first = min([*missing[:1].tolist(), *again[:1].tolist(), *wrong[:1]])
        raise WrongListsError(
            f"Of {len(owed):,} lists that are owed {len(missing):,} are missing, {len(again):,} came more than once "
            f"and {len(wrong):,} are wrong; the first is that of click {first}."
        )


def _number(event: _Event) -> int:
    return int(event.event_id.removeprefix(EVENT_PREFIX))


def _is_right(published: _List, reference: Reference, number: int) -> bool:
    index_of = reference.artifact.vocabulary.index_of
    return [index_of(item) for item in published.items] == reference.top_item[number].tolist() and np.array_equal(
        np.array(published.scores, dtype=np.float32), reference.top_score[number]
    )
