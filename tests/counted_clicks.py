"""A counts topic, read plainly: what is left of it by the rule of epochs, its sums, and what they should be."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from models.counts.count_records import CLAIM, Chunk, decode_chunk, decode_key
from models.counts.recipe import CountsRecipe

# Buckets of a partition that take clicks: the newest and those before it.
OPEN_BUCKETS = 6
# Source partition and bucket.
Place = tuple[int, int]


class Sums(NamedTuple):
    """Counts by source partition, bucket and item, or pair of items; an item is its hash.

    Attributes:
        clicks: Of items.
        users: Of items: by how many.
        transitions: Of an item and the next.
        cooccurrences: Of two items, the lower hash first.
    """

    clicks: Counter[tuple[int, ...]]
    users: Counter[tuple[int, ...]]
    transitions: Counter[tuple[int, ...]]
    cooccurrences: Counter[tuple[int, ...]]


def standing_chunks(records: Iterable[tuple[bytes | None, bytes | None]]) -> dict[Place, dict[int, Chunk]]:
    """Return the chunks of each place by their numbers: what comes behind the claim of a later epoch is left out."""
    found: dict[Place, dict[int, Chunk]] = {}
    epoch_of: dict[int, int] = {}
    for key_bytes, value in records:
        key = decode_key(key_bytes)
        if value is None or key.epoch < epoch_of.get(key.partition, key.epoch):
            continue
        epoch_of[key.partition] = key.epoch
        if key.bucket != CLAIM:
            found.setdefault((key.partition, key.bucket), {})[key.chunk] = decode_chunk(value)
    return {place: dict(sorted(chunks.items())) for place, chunks in sorted(found.items())}


def sums(records: Iterable[tuple[bytes | None, bytes | None]]) -> Sums:
    """Add up what is left of a topic."""
    total = Sums(Counter(), Counter(), Counter(), Counter())
    for place, chunks in standing_chunks(records).items():
        for chunk in chunks.values():
            hashes = chunk.items["item_hash"].tolist()
            for item_hash, clicks, users in chunk.items.tolist():
                total.clicks[*place, item_hash] += clicks
                total.users[*place, item_hash] += users
            for first, second, count in chunk.transitions.tolist():
                total.transitions[*place, hashes[first], hashes[second]] += count
            for one, other, count in chunk.cooccurrences.tolist():
                total.cooccurrences[*place, *sorted((hashes[one], hashes[other]))] += count
    return Sums(*(+counter for counter in total))


class SourceClick(NamedTuple):
    """A click of the source topic, in whose order partitions are counted.

    Attributes:
        partition: Of the source topic.
        user: Whose.
        item: What: its hash; None for one that the model does not know.
        timestamp_ms: When.
        session: Its session's id.
    """

    partition: int
    user: str
    item: int | None
    timestamp_ms: int
    session: str | None = None


def recounted(clicks: Iterable[SourceClick], recipe: CountsRecipe, *, ring_length: int) -> Sums:
    """Count a source topic from its beginning, by the rules as they are written down, in whole numbers.

    Args:
        clicks: Those with consent, each partition's in the order of their offsets.
        recipe: The model's.
        ring_length: How many clicks a state remembers.
    """
    total = Sums(Counter(), Counter(), Counter(), Counter())
    newest: dict[int, int] = {}
    by_user: Counter[tuple[int, int, str, int]] = Counter()
    sessions: dict[tuple[int, str], tuple[str | None, list[int | None]]] = {}
    for click in clicks:
        session, items = sessions.get((click.partition, click.user), (click.session, []))
        if session != click.session:
            items = []
        before = [item for item in items if item is not None]
        sessions[click.partition, click.user] = click.session, [*items, click.item][-(ring_length - 1) :]
        if click.item is None:
            continue
        bucket = click.timestamp_ms // recipe.bucket_ms
        newest[click.partition] = max(bucket, newest.get(click.partition, bucket))
        place, mark = (click.partition, bucket), (click.partition, bucket, click.user, click.item)
        if bucket <= newest[click.partition] - OPEN_BUCKETS or by_user[mark] == recipe.clicks_per_user:
            continue
        by_user[mark] += 1
        total.clicks[*place, click.item] += 1
        total.users[*place, click.item] += by_user[mark] == 1
        if before:
            total.transitions[*place, before[-1], click.item] += 1
        for other in set(before[-recipe.session_reach :]) - {click.item}:
            total.cooccurrences[*place, *sorted((other, click.item))] += 1
    return total
