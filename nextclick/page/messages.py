"""What the server tells the browsers, as JSON; `static/` reads these fields by their names."""

import msgspec

from nextclick.page.account import Balance


class Item(msgspec.Struct, frozen=True):
    """An item as a person knows it."""

    item_id: str
    title: str
    category: str | None


class ListMessage(msgspec.Struct, frozen=True, tag="list"):
    """A user's new list.

    Attributes:
        items: Best first.
        strategy: How it came about, the worker's word.
        clicked: What the list answers; None for the list of somebody who has not clicked yet.
        clicks: Which click of this user it answers, from 1.
        after_ms: From the click record's timestamp to the list's being read out of the output topic.
        written_after_ms: From the click record's timestamp to the list record's.
        offset: The click's place, `partition/offset`.
    """

    user_id: str
    items: tuple[Item, ...]
    strategy: str
    clicked: Item | None = None
    clicks: int = 0
    after_ms: int | None = None
    written_after_ms: int | None = None
    offset: str | None = None


class ItemReason(msgspec.Struct, frozen=True):
    """The click without which an item would stand lowest; see `explaining.py`."""

    item_id: str
    because: str
    place_without: int | None


class ReasonsMessage(msgspec.Struct, frozen=True, tag="reasons"):
    """Why the items of a user's newest list may be on it."""

    offset: str
    reasons: tuple[ItemReason, ...]


class Quality(msgspec.Struct, frozen=True):
    """HitRate@K and MRR@K so far, of the lists and of the popular list on the same clicks."""

    clicks: int
    hit_rate: float
    mrr: float
    popular_hit_rate: float
    popular_mrr: float


class Latency(msgspec.Struct, frozen=True):
    """Percentiles of the last seconds, milliseconds from the click's timestamp to the list's being read."""

    p50: float
    p90: float
    p99: float


class FiguresMessage(msgspec.Struct, frozen=True, tag="figures"):
    """How it stands, once a second.

    Attributes:
        at_s: When, in seconds since 1970.
        balance: What became of the clicks.
        clicks_per_s: Written to the click topic in the last second.
        lists_per_s: Written to the output topic in the last second.
        latency: None where no list has come lately.
        quality: None before the first scored click.
        reasons: Dead letters by reason.
        rate: What the crowd is asked for; None where there is no crowd of ours.
        trouble: What the page itself suffers from, for a person; empty: nothing.
    """

    at_s: float
    balance: Balance
    clicks_per_s: float
    lists_per_s: float
    latency: Latency | None
    quality: Quality | None
    reasons: dict[str, int]
    rate: float | None
    trouble: str


class WorkerView(msgspec.Struct, frozen=True):
    """A worker as it can be seen from outside.

    Attributes:
        state: `starting`, `ready`, `not_ready`, `paused` or `gone`.
        detail: What it waits for, or how it ended.
        lives: How many workers were started in its place.
        partitions: Those of the click topic that it has.
        lag: Records that wait in them, by its own count.
        memory_mib: Resident memory.
    """

    name: str
    state: str
    detail: str
    lives: int
    partitions: tuple[int, ...]
    lag: int
    memory_mib: int


class WorkersMessage(msgspec.Struct, frozen=True, tag="workers"):
    """All workers, whenever something about them has changed."""

    workers: tuple[WorkerView, ...]


class LetterMessage(msgspec.Struct, frozen=True, tag="letter"):
    """A dead letter that has just come."""

    reason: str
    detail: str
    source: str
    value: str


class DrillStep(msgspec.Struct, frozen=True):
    """Something that happened, and how long after the kill."""

    name: str
    after_s: float


class DrillMessage(msgspec.Struct, frozen=True, tag="drill"):
    """A worker that was killed, as far as it has come back.

    Attributes:
        number: Which kill this is, from 1.
        worker: Who was killed.
        steps: What has happened so far.
        is_over: Whether it ended.
        failure: Why it ended without a recovery; empty where it recovered.
        clicks: Clicks that were written between the kill and the end of the drill.
        again: Lists of before that were published once more, byte for byte the same.
        changed: Lists that were published once more as other bytes.
        lost: Clicks without an outcome.
        applied_twice: Clicks that states count and that were not there.
        states: States that were compared.
        your_list: `identical`, `as_published`, `clicked_meanwhile`, `different`, `unknown`, or empty while it runs.
        your_digest: First digits of the SHA-256 of your list's bytes, before the kill.
        your_bytes: How many bytes were compared.
    """

    number: int
    worker: str
    steps: tuple[DrillStep, ...]
    is_over: bool = False
    failure: str = ""
    clicks: int = 0
    again: int = 0
    changed: int = 0
    lost: int = 0
    applied_twice: int = 0
    states: int = 0
    your_list: str = ""
    your_digest: str = ""
    your_bytes: int = 0


class HelloMessage(msgspec.Struct, frozen=True, tag="hello"):
    """What a browser needs to begin.

    Attributes:
        user_id: Who the browser is.
        clicks: What this user has clicked, newest first.
        dataset: What the model was trained on.
        items: How many items there are.
        list_length: K.
        categories: Of the items, most frequent first.
        poisons: Reasons for which a record can be sent that is no click.
        has_red_button: Whether the workers are ours to kill.
        most_per_s: The crowd's highest rate.
        crowd_users: How many users are replayed.
        partitions: Of the click topic.
        figures: Of the last minutes.
        letters: The newest dead letters, oldest first.
        waiting_ms: For how long the newest click waits for its list; None where it has it, or nothing was clicked.
    """

    user_id: str
    clicks: tuple[Item, ...]
    dataset: str
    model_id: str
    items: int
    list_length: int
    categories: tuple[str, ...]
    poisons: tuple[str, ...]
    has_red_button: bool
    most_per_s: int
    crowd_users: int
    partitions: int
    figures: tuple[FiguresMessage, ...]
    letters: tuple[LetterMessage, ...]
    waiting_ms: int | None


Message = HelloMessage | ListMessage | ReasonsMessage | FiguresMessage | WorkersMessage | LetterMessage | DrillMessage

encode_message = msgspec.json.Encoder().encode
