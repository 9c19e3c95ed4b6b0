"""Clicks without end for a chaos run: real ones where there are any, with everything that may come on a click topic.

A session of the log is given to one of a few users, so that users come back, sessions follow each other and rings run
over. A few clicks are late, on unknown items, without consent, or no clicks at all.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random
from zlib import crc32

from models.counts.recipe import CountsRecipe
from models.datasets import dataset_named
from models.datasets.folders import find_dataset
from tests.chaos.click_load import OutgoingClick, encode_click

MAY_2024_MS = 1_714_521_600_000
HOUR_MS = 3_600_000
# How late a late click is: its bucket of live counts may be open or closed.
LATE_MS = (HOUR_MS // 6, HOUR_MS, 24 * HOUR_MS)
# So short that some buckets have more of a partition than a chunk takes, and that there are many.
CLICKS_PER_BUCKET = 60
# Shares of the clicks.
UNKNOWN, LATE, WITHOUT_CONSENT, BAD = 0.02, 0.01, 0.01, 0.005


@dataclass(frozen=True)
class LoggedClick:
    """A click of a log."""

    session_id: str
    item_id: str
    timestamp_ms: int
    event_type: str | None = None


def logged_clicks(limit: int) -> tuple[str, Sequence[LoggedClick]]:
    """Return the name of a log and its first clicks: e-shop's where NEXTCLICK_DATA has it, else made ones."""
    folder = os.environ.get("NEXTCLICK_DATA")
    found = None if not folder else find_dataset(dataset_named("eshop"), Path(folder))
    if not folder or found is None:
        return "made", made_clicks(limit)
    from models.preparation.preparing import prepare_dataset  # noqa: PLC0415 - reads the whole log

    columns = ("session_id", "item_id", "timestamp_ms", "event_type")
    table = prepare_dataset(dataset_named("eshop"), Path(folder)).train.head(limit)
    return "e-shop", [LoggedClick(*row) for row in table.select(columns).iter_rows()]


def endless_clicks(log: Sequence[LoggedClick], *, seed: int, users: int) -> Iterator[OutgoingClick]:
    """Yield the log's clicks over and over, a later time each round; the same ones for the same seed."""
    random = Random(seed)
    span_ms = log[-1].timestamp_ms - log[0].timestamp_ms + HOUR_MS
    for number in count():
        round_, position = divmod(number, len(log))
        yield _click(log[position], number, round_ * span_ms, users, random)


def _click(logged: LoggedClick, number: int, later_ms: int, users: int, random: Random) -> OutgoingClick:
    user_id = f"user-{crc32(logged.session_id.encode()) % users}"
    if random.random() < BAD:
        return OutgoingClick(user_id.encode(), random.choice([b"\xff\xfe", b"{", b"[]", b'{"user_id": 7}']))
    late_ms = random.choice(LATE_MS) if random.random() < LATE else 0
    fields: dict[str, object] = {
        "user_id": user_id,
        "item_id": "an item of tomorrow" if random.random() < UNKNOWN else logged.item_id,
        "timestamp_ms": logged.timestamp_ms + later_ms - late_ms,
        "session_id": logged.session_id,
        "event_type": logged.event_type,
        "event_id": f"click-{number}",
    }
    if random.random() < WITHOUT_CONSENT:
        fields["consent"] = False
    return encode_click({name: value for name, value in fields.items() if value is not None})


def counts_recipe(log: Sequence[LoggedClick]) -> CountsRecipe:
    """Return how a model of this log counts everyone's clicks: in buckets of some sixty."""
    span_ms = log[-1].timestamp_ms - log[0].timestamp_ms
    bucket_ms = max(1, span_ms * CLICKS_PER_BUCKET // len(log))
    return CountsRecipe(bucket_ms=bucket_ms, boost_length=32, session_reach=3)


def made_clicks(limit: int) -> list[LoggedClick]:
    """Make sessions of some seven clicks, forty at a time."""
    random = Random(3)
    clicks = []
    sessions = list(range(40))
    for number in range(limit):
        place = random.randrange(len(sessions))
        if random.random() < 1 / 7:
            sessions[place] = max(sessions) + 1
        item = int(random.paretovariate(0.6)) % 200
        clicks.append(LoggedClick(f"session-{sessions[place]}", f"item-{item:03}", MAY_2024_MS + 7_000 * number))
    return clicks
