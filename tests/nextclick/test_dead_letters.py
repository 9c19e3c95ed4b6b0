"""Dead letters are read back as the worker wrote them, counted exactly, and printed without harm."""

import json
from base64 import b64decode
from dataclasses import replace

import pytest

from nextclick.dead_letter_printing import letter_as_json, print_letter, print_summary, summary_as_json
from nextclick.dead_letter_summary import LetterSummary
from nextclick.dead_letters import DeadLetter, LetterFilter, Place, parse_dead_letter
from nextclick.redrive_marks import redriven_click
from tests.dead_letters import NOON_MS, letter_record, make_letter, make_rejected, read_record
from workers.events import Headers, OutgoingRecord, RejectionReason
from workers.unreadable_states import UnreadableState, unreadable_state_letter

# Clears the screen, sets the title, turns the text around: what a record must not do to a terminal.
EVIL = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202e\r\n\x00"
TRACE: Headers = (("trace", b"\x00\xff"), ("empty", b""), ("null", None), ("trace", b"again"))


def test_a_letter_is_what_the_worker_wrote() -> None:
    """Key, value and headers are the record's own; reason, detail and source are the worker's."""
    letter = make_letter(make_rejected(b"\xff\x00", key=None, headers=TRACE), partition=2, offset=9)
    assert (letter.key, letter.value, letter.headers) == (None, b"\xff\x00", TRACE)
    assert (letter.reason, letter.detail) == ("id_too_long", "user_id has 600 bytes, the limit is 512")
    assert letter.source == Place("clicks", 3, 17)
    assert letter.place == Place("clicks.dead-letter", 2, 9)
    assert letter.former_places == ()


def test_headers_of_our_names_that_were_there_before_belong_to_the_record() -> None:
    """A re-keyed click has source headers, and a producer can write any: the worker's are the last."""
    before: Headers = (
        ("nextclick.reason", b"joke"),
        ("nextclick.source.topic", b"raw"),
        ("nextclick.source.offset", b"x"),
    )
    letter = make_letter(make_rejected(headers=before))
    assert letter.headers == before
    assert (letter.reason, letter.source) == ("id_too_long", Place("clicks", 3, 17))


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("nextclick.reason", b"not_json"),),
        (
            ("nextclick.reason", b"not_json"),
            ("nextclick.source.topic", b"clicks"),
            ("nextclick.source.partition", b"1"),
        ),
        tuple((f"nextclick.{name}", b"-1") for name in ("reason", "source.topic", "source.partition", "source.offset")),
        tuple(
            (f"nextclick.{name}", "²".encode())
            for name in ("reason", "source.topic", "source.partition", "source.offset")
        ),
        tuple(
            (f"nextclick.{name}", b"9" * 5_000)
            for name in ("reason", "source.topic", "source.partition", "source.offset")
        ),
        tuple((f"nextclick.{name}", None) for name in ("reason", "source.topic", "source.partition", "source.offset")),
    ],
)
def test_what_no_worker_wrote_is_no_letter(headers: Headers) -> None:
    """Somebody else's record in the topic, or one that pretends."""
    record = OutgoingRecord("clicks.dead-letter", 0, b"ann", b"{}", headers)
    assert parse_dead_letter(read_record(record)) is None


def test_a_click_that_is_rejected_again_shows_its_history() -> None:
    """Sent again twice: the letter has both former places, oldest first, and the first headers in front."""
    first = make_letter(make_rejected(headers=TRACE))
    again = redriven_click(first, "clicks")
    assert (again.key, again.value, again.partition) == (first.key, first.value, 3)
    second = make_letter(make_rejected(headers=again.headers, offset=40))
    third = make_letter(make_rejected(headers=redriven_click(second, "clicks").headers, offset=88))
    assert third.former_places == ("clicks/3/17", "clicks/3/40")
    assert third.headers[: len(TRACE)] == TRACE


def test_letters_of_one_record_are_one_and_others_are_not() -> None:
    """A worker that was killed writes its letters again; another place, or other bytes at that place, is another."""
    same = make_letter(offset=5)
    assert make_letter(offset=0).identity == same.identity
    others = [
        make_rejected(offset=18),
        make_rejected(partition=2),
        make_rejected(topic="other"),
        make_rejected(b"{}"),
        make_rejected(None),
        make_rejected(b""),
        make_rejected(key=None),
        make_rejected(headers=(("a", b""),)),
        make_rejected(headers=(("a", None),)),
    ]
    identities = {same.identity, *(make_letter(other).identity for other in others)}
    assert len(identities) == 1 + len(others)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (LetterFilter(), [0, 1, 2, 3]),
        (LetterFilter(reasons=frozenset({"not_json"})), [1, 3]),
        (LetterFilter(reasons=frozenset({"not_json", "id_too_long"})), [0, 1, 2, 3]),
        (LetterFilter(partitions=frozenset({1})), [2, 3]),
        (LetterFilter(records=frozenset({(0, 1), (1, 2)})), [1, 2]),
        (LetterFilter(since_ms=NOON_MS + 1), [1, 2, 3]),
        (LetterFilter(until_ms=NOON_MS + 2), [0, 1]),
        (LetterFilter(since_ms=NOON_MS + 1, until_ms=NOON_MS + 3, partitions=frozenset({1})), [2]),
        (LetterFilter(reasons=frozenset({"nope"})), []),
    ],
)
def test_filters(wanted: LetterFilter, expected: list[int]) -> None:
    """Four letters, a millisecond apart, two on each partition; every condition that is given must hold."""
    reasons = [RejectionReason.ID_TOO_LONG, RejectionReason.NOT_JSON] * 2
    letters = [
        make_letter(make_rejected(reason=reason), partition=number // 2, offset=number, timestamp_ms=NOON_MS + number)
        for number, reason in enumerate(reasons)
    ]
    assert [number for number, letter in enumerate(letters) if wanted.matches(letter)] == expected


def test_a_summary_counts_everything_and_keeps_the_newest() -> None:
    """Seven letters of two reasons, one of a record that was sent again, and a record that is no letter."""
    letters = [make_letter(make_rejected(offset=number), timestamp_ms=NOON_MS + number) for number in range(5)]
    letters += [make_letter(make_rejected(offset=number, reason=RejectionReason.NOT_JSON)) for number in (10, 11)]
    summary = LetterSummary.of(iter([*letters, None]), LetterFilter(), frozenset({letters[2].identity}), 2)
    assert (summary.letters, summary.foreign) == (7, 1)
    long_ids, not_json = summary.reasons
    assert (long_ids.reason, long_ids.letters, long_ids.redriven) == ("id_too_long", 5, 1)
    assert (long_ids.oldest_ms, long_ids.newest_ms) == (NOON_MS, NOON_MS + 4)
    assert [letter.source.offset for letter in long_ids.examples] == [3, 4]
    assert (not_json.letters, not_json.redriven) == (2, 0)


@pytest.mark.parametrize("value", [EVIL.encode(), EVIL.encode() + b"\xff"])
def test_a_record_can_do_nothing_to_a_terminal(capsys: pytest.CaptureFixture[str], value: bytes) -> None:
    """Neither its bytes, key and headers nor what the reason quotes of it."""
    rejected = make_rejected(value, key=EVIL.encode(), headers=((EVIL, EVIL.encode()), ("b", value)))
    letter = make_letter(rejected._replace(detail=EVIL))
    print_letter(letter, as_hex=False)
    print_letter(letter, as_hex=True)
    print_summary(LetterSummary.of(iter([letter]), LetterFilter(), frozenset(), 3), EVIL)
    print(letter_as_json(letter))  # noqa: T201
    printed = capsys.readouterr().out
    assert {character for character in printed if not character.isprintable()} == {"\n"}
    assert "owned" in printed


def test_a_letter_as_json_is_exact() -> None:
    """Bytes in base64, as text beside it where they are text; null is null."""
    shown = json.loads(letter_as_json(make_letter(make_rejected(b"\xff", key="zoë".encode(), headers=TRACE))))
    assert b64decode(shown["value"]["base64"]) == b"\xff"
    assert "text" not in shown["value"]
    assert shown["key"]["text"] == "zoë"
    assert [
        (header["name"], header["value"] and b64decode(header["value"]["base64"])) for header in shown["headers"]
    ] == [tuple(header) for header in TRACE]
    assert shown["source"] == {"topic": "clicks", "partition": 3, "offset": 17}


def test_a_summary_as_json() -> None:
    """Counts, and the newest letters first."""
    letters = [make_letter(make_rejected(offset=number)) for number in range(3)]
    shown = json.loads(summary_as_json(LetterSummary.of(iter(letters), LetterFilter(), frozenset(), 2)))
    (reason,) = shown["reasons"]
    assert (shown["letters"], reason["reason"], reason["letters"]) == (3, "id_too_long", 3)
    assert [example["source"]["offset"] for example in reason["examples"]] == [2, 1]


def test_no_more_of_a_megabyte_is_shown_than_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """In the list; `show` has all of it."""
    letter = make_letter(make_rejected(b"x" * (1 << 20)))
    print_summary(LetterSummary.of(iter([letter]), LetterFilter(), frozenset(), 1), "t")
    assert len(capsys.readouterr().out) < 1_000


def test_a_letter_record_is_what_the_worker_writes() -> None:
    """The factory of these tests goes through the worker's own code."""
    assert next(name for name, _ in letter_record(make_rejected()).headers) == "nextclick.reason"


STATE = UnreadableState(3, b"ann", b"\x02 of a newer version", "A state record has codec version 2")


def state_letter(state: UnreadableState = STATE) -> DeadLetter:
    """Return the dead letter of a state as a reader finds it."""
    record = unreadable_state_letter(state, changelog="states", topic="clicks.dead-letter", partitions=2)
    letter = parse_dead_letter(read_record(record, offset=5))
    assert letter is not None
    return letter


def test_the_letter_of_a_state_has_its_bytes_and_no_source_offset(capsys: pytest.CaptureFixture[str]) -> None:
    """A store does not know at which offset of the changelog the record was."""
    letter = state_letter()
    assert (letter.key, letter.value, letter.headers) == (b"ann", STATE.record, ())
    assert (letter.reason, letter.detail) == ("unreadable_state", STATE.detail)
    assert (letter.place, letter.source) == (Place("clicks.dead-letter", 1, 5), Place("states", 3, None))
    assert json.loads(letter_as_json(letter))["source"] == {"topic": "states", "partition": 3, "offset": None}
    print_letter(letter, as_hex=False)
    assert "came from  states/3/?" in capsys.readouterr().out
    (reason,) = LetterSummary.of(iter([letter]), LetterFilter(), frozenset(), 1).reasons
    assert (reason.reason, reason.letters) == ("unreadable_state", 1)


def test_letters_of_one_state_are_one_and_others_are_not() -> None:
    """A worker that was killed between the letter and the new state writes it again."""
    others = [replace(STATE, user_key=b"bob"), replace(STATE, partition=2), replace(STATE, record=b"")]
    assert state_letter().identity == state_letter().identity
    assert len({state_letter(state).identity for state in [STATE, *others]}) == 4


def test_only_a_state_may_lack_its_offset() -> None:
    """And a worker leaves it out, it does not write nonsense."""
    headers = unreadable_state_letter(STATE, changelog="states", topic="dead", partitions=1).headers
    for forged in (
        (("nextclick.reason", b"not_json"), *headers[1:]),
        (*headers, ("nextclick.source.offset", b"x")),
        headers[:-1],
        headers[:-2],
    ):
        assert parse_dead_letter(read_record(OutgoingRecord("dead", 0, b"ann", b"", forged))) is None
