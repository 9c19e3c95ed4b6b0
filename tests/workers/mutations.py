"""Clicks that are damaged at random, repeatably: what a fuzzer feeds to the decoder and to a worker."""

import json
from collections.abc import Iterator
from random import Random

from tests.click_records import click_value
from tests.click_tables import MAY_2024_MS
from workers.events import ClickRecord, Headers

# What parsers stumble over, to be put in anywhere.
TOKENS = (
    b"\x00", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"\xe2\x80\xae", b"\x1b[2J",
    b'"', b"\\", b"\\u", b"\\ud800", b"\\udc00\\ud800", b"\\u0000", b"\\/", b"{", b"}", b"[", b"]", b",", b":", b"null",
    b"true", b"NaN", b"Infinity", b"-Infinity", b"-0", b"-0.0", b"1e999", b"-1e999", b"1e-999", b"0x10", b"9" * 400,
    b"9223372036854775807", b"9223372036854775808", b"-9223372036854775809", b"18446744073709551616", b"[" * 2_000,
    b'{"a":' * 2_000, b'"user_id":"ann",', b'"user_id":7,', b'"consent":false,', b'"timestamp_ms":-1,', b" ", b"/*",
)  # fmt: skip
IDS = ("ann", "", "u" * 600, "é" * 300, "zoë", "\x00", "\n", "\u202e", "\x7f", "\x85", "😀", "a b", '"', "\\", "\ud800")
NUMBERS = (
    0,
    -1,
    1,
    2**31,
    2**53,
    2**63 - 1,
    2**63,
    -(2**63),
    2**64,
    10**400,
    MAY_2024_MS,
    MAY_2024_MS * 1000,
    0.5,
    -0.0,
)


def mutated_records(seed: int, count: int, *, topic: str = "clicks", partitions: int = 1) -> Iterator[ClickRecord]:
    """Yield records, most of them damaged: in their structure, then in their bytes, then in key and headers."""
    random = Random(seed)
    for offset in range(count):
        value = _damaged_bytes(random, _damaged_fields(random))
        key = random.choice((b"ann", b"ann", b"ann", None, b"", b"bob", b"\xff\x00", b"k" * 5_000))
        yield ClickRecord(
            topic, offset % partitions, offset // partitions, MAY_2024_MS, key, value, _damaged_headers(random)
        )


def _damaged_fields(random: Random) -> bytes | None:
    """Return a click with other values, fields missing or added, in another order, or twice."""
    if random.random() < 0.01:
        return None
    fields: list[tuple[str, object]] = list(json.loads(click_value(session_id="s", event_id="e", value=2.5)).items())
    for _ in range(random.randrange(3)):
        position = random.randrange(len(fields)) if fields else 0
        match random.randrange(5):
            case 0 if fields:
                fields[position] = (fields[position][0], random.choice((*IDS, *NUMBERS, None, True, False, [], {})))
            case 1 if fields:
                del fields[position]
            case 2 if fields:
                fields.append((fields[position][0], random.choice((*IDS, *NUMBERS))))
            case 3:
                fields.insert(position, (random.choice(IDS), random.choice((*NUMBERS, *IDS, [[]], {"a": {}}))))
            case _:
                random.shuffle(fields)
    # Written by hand: a dictionary could not hold a field twice.
    return (
        b"{" + b",".join(json.dumps(name).encode() + b":" + json.dumps(value).encode() for name, value in fields) + b"}"
    )


def _damaged_bytes(random: Random, value: bytes | None) -> bytes | None:
    """Return the bytes with some changed, left out, doubled or put in; half of the time as they are."""
    if value is None or random.random() < 0.5:
        return value
    damaged = bytearray(value)
    for _ in range(random.randrange(1, 4)):
        position = random.randrange(len(damaged) + 1)
        match random.randrange(6):
            case 0 if position < len(damaged):
                damaged[position] ^= 1 << random.randrange(8)
            case 1 if position < len(damaged):
                damaged[position] = random.randrange(256)
            case 2:
                del damaged[position : position + random.randrange(1, 20)]
            case 3:
                damaged[position:position] = random.choice(TOKENS)
            case 4:
                damaged[position:position] = damaged[random.randrange(len(damaged) + 1) :][:50]
            case _:
                del damaged[position:]
    return bytes(damaged)


def _damaged_headers(random: Random) -> Headers:
    """Return no headers, a few strange ones, or hundreds."""
    chance = random.random()
    if chance < 0.8:
        return ()
    if chance < 0.99:
        names = ("", "trace", "nextclick.reason", "nextclick.source.offset", "nextclick.redriven_from", "é" * 50)
        return tuple((random.choice(names), random.choice((None, b"", b"\xff", b"x" * 2_000))) for _ in range(3))
    return tuple((f"h{number}", b"v") for number in range(300))
