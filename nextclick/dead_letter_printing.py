"""Dead letters on a terminal and as JSON; nothing of a record reaches a terminal unescaped."""

import json
from base64 import b64encode

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nextclick.dead_letter_summary import LetterSummary
from nextclick.dead_letters import DeadLetter
from nextclick.moments import utc_text
from nextclick.printable import hex_dump, printable, printable_bytes
from nextclick.redrive_selection import Fate
from nextclick.redriving import RedriveReport

EXAMPLE_CHARACTERS = 120

# How a person is told of a fate, after a number.
FATES = {
    Fate.SENT: "sent again",
    Fate.ALREADY_REDRIVEN: "sent again before, left alone",
    Fate.OTHER_TOPIC: "from other topics than this worker's clicks: name one with --to",
    Fate.NO_PARTITION: "from a partition that the click topic does not have (any more)",
    Fate.NOT_A_CLICK: "user states that did not decode, no clicks: never sent, `dead-letters show` has their bytes",
    Fate.LEFT_OUT: "without the record, which was too large to be set aside: it is still where it came from",
    Fate.TOO_LARGE: "too large for the click topic's max.message.bytes with a header more",
}


def print_summary(summary: LetterSummary, topic: str) -> None:
    """Print counts by reason, then the newest letters of each."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(f"{summary.letters:,} dead letters in {printable(topic)}"))
    if summary.foreign:
        console.print(Text(f"{summary.foreign:,} records there are no dead letters: who wrote them?"))
    if not summary.reasons:
        return
    table = Table("reason", "letters", "sent again", "oldest", "newest", box=None)
    for one in summary.reasons:
        times = (utc_text(one.oldest_ms), utc_text(one.newest_ms))
        table.add_row(Text(printable(one.reason)), f"{one.letters:,}", f"{one.redriven:,}", *times)
    console.print(table)
    for one in summary.reasons:
        if one.examples:
            console.print(Text(f"\n{printable(one.reason)}", "bold"))
        for letter in reversed(one.examples):
            place = f"{letter.place.partition}:{letter.place.offset}"
            console.print(Text(f"  {place:<12} {printable(letter.detail)[:EXAMPLE_CHARACTERS]}"))
            console.print(Text(f"  {'':<12} {printable_bytes(letter.value, EXAMPLE_CHARACTERS)}", "dim"))


def print_letter(letter: DeadLetter, *, as_hex: bool) -> None:
    """Print all of a letter."""
    console = Console(highlight=False, soft_wrap=True)
    rows = {
        "letter": f"{letter.place}, written {utc_text(letter.timestamp_ms)}",
        "reason": letter.reason,
        "detail": letter.detail,
        "came from": str(letter.source),
        "before": ", ".join(letter.former_places) or "-",
    }
    for name, text in rows.items():
        console.print(Text(f"{name:<10} {printable(text)}"))
    console.print(Text(f"{'key':<10} {printable_bytes(letter.key)}"))
    for name, value in letter.headers:
        console.print(Text(f"{'header':<10} {printable(name)}: {printable_bytes(value)}"))
    console.print(Text(f"{'value':<10} {_size(letter.value)}"))
    if letter.value is not None:
        console.print(Text(_value_text(letter.value, as_hex=as_hex)))


def print_redrive(report: RedriveReport) -> None:
    """Print what became of the letters."""
    console = Console(highlight=False, soft_wrap=True)
    ended = "Stopped early. " if report.stopped else "Nothing was sent, this is a dry run. " if report.dry_run else ""
    console.print(Text(f"{ended}{report.matched:,} dead letters match:"))
    for fate, count in sorted(report.fates.items(), key=lambda item: list(Fate).index(item[0])):
        sentence = "to be sent" if report.dry_run and fate is Fate.SENT else FATES[fate]
        console.print(Text(f"  {count:>10,}  {sentence}"))
    if report.recovered:
        console.print(Text(f"{report.recovered:,} records of a run that was killed were found in the click topic."))
    if report.transactional is False:
        console.print(Text("This broker has no transactions: never run two redrives at a time here."))


def summary_as_json(summary: LetterSummary) -> str:
    """Return counts and examples as one JSON object, in ASCII."""
    return json.dumps(
        {
            "letters": summary.letters,
            "foreign": summary.foreign,
            "reasons": [
                {
                    "reason": one.reason,
                    "letters": one.letters,
                    "redriven": one.redriven,
                    "oldest_ms": one.oldest_ms,
                    "newest_ms": one.newest_ms,
                    "examples": [_letter_object(letter) for letter in reversed(one.examples)],
                }
                for one in summary.reasons
            ],
        }
    )


def letter_as_json(letter: DeadLetter) -> str:
    """Return a letter as one JSON object, in ASCII."""
    return json.dumps(_letter_object(letter))


def redrive_as_json(report: RedriveReport) -> str:
    """Return a report as one JSON object."""
    return json.dumps(
        {
            "dry_run": report.dry_run,
            "matched": report.matched,
            **{fate.value: report.fates[fate] for fate in Fate},
            "recovered": report.recovered,
            "transactional": report.transactional,
            "stopped": report.stopped,
            "elapsed_s": round(report.elapsed_s, 3),
        }
    )


def _letter_object(letter: DeadLetter) -> dict[str, object]:
    return {
        **letter.place._asdict(),
        "timestamp_ms": letter.timestamp_ms,
        "reason": letter.reason,
        "detail": letter.detail,
        "source": letter.source._asdict(),
        "redriven_from": letter.former_places,
        "key": _bytes_object(letter.key),
        "headers": [{"name": name, "value": _bytes_object(value)} for name, value in letter.headers],
        "value": _bytes_object(letter.value),
    }


def _bytes_object(content: bytes | None) -> dict[str, str] | None:
    """Return bytes exactly, and as text where they are text."""
    if content is None:
        return None
    exact = {"base64": b64encode(content).decode()}
    try:
        return {"text": content.decode(), **exact}
    except UnicodeDecodeError:
        return exact


def _size(value: bytes | None) -> str:
    return "null" if value is None else f"{len(value):,} bytes"


def _value_text(value: bytes, *, as_hex: bool) -> str:
    try:
        return hex_dump(value) if as_hex else printable(value.decode())
    except UnicodeDecodeError:
        return hex_dump(value)
