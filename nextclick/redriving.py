"""Dead letters sent back to the click topic, each record once.

    1 connect   end what an earlier run left open
    2 marks     which records were sent again already
    3 recover   where an earlier run was killed without transactions: look for its clicks, mark them
    4 select    the letters up to the present end that are meant and not marked
    5 write     clicks and marks, some hundred at a time

**With transactions** (Apache Kafka) a click and its mark are one write: killed anywhere, run twice, or two at a time,
a worker sees each record once. An open transaction holds workers up for ten seconds at most.

**Without** (the embedded broker) the marks follow once the clicks are acknowledged. A run that was killed in between is
noticed by the next one, which finds what was sent by the header `nextclick.redriven_from` in the click topic. What
remains is told to the operator: two runs at one time send twice, and so can a broker that loses an acknowledgement.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from threading import Event

from nextclick.dead_letters import DeadLetter, LetterFilter, read_dead_letters
from nextclick.redrive_marks import (
    Unfinished,
    make_marks_topic,
    mark_record,
    read_marks,
    redriven_click,
    redriven_identities,
    unfinished_record,
)
from nextclick.redrive_selection import UNSENDABLE, Fate, LetterSelector, Target, redrive_targets
from nextclick.redrive_writer import RedriveWriter
from workers.settings import Settings

CHUNK_RECORDS = 500
CHUNK_BYTES = 4 << 20


@dataclass(slots=True)
class RedriveReport:
    """What became of the letters: matched == the sum of `fates`.

    Attributes:
        matched: Letters that were meant and looked at.
        fates: How many had which; in a dry run, would have.
        dry_run: Whether nothing was sent.
        transactional: Whether clicks and marks were one write; None in a dry run.
        recovered: Marks made up for a run that was killed.
        stopped: Whether it ended before the letters did.
        elapsed_s: All of it.
    """

    dry_run: bool
    matched: int = 0
    fates: Counter[Fate] = field(default_factory=Counter)
    transactional: bool | None = None
    recovered: int = 0
    stopped: bool = False
    elapsed_s: float = 0.0

    @property
    def unsendable(self) -> int:
        """How many should have been sent and were not."""
        return sum(self.fates[fate] for fate in UNSENDABLE)


@dataclass(frozen=True)
class Redrive:
    """What is to be sent again.

    Attributes:
        wanted: Which letters.
        to_topic: Where to; None: each to the click topic that it came from.
        limit: Most records to send.
        dry_run: Whether to count only.
    """

    wanted: LetterFilter
    to_topic: str | None = None
    limit: int | None = None
    dry_run: bool = False


async def redrive_dead_letters(
    settings: Settings,
    redrive: Redrive,
    *,
    on_progress: Callable[[int], None] = lambda _sent: None,
    stop: Event | None = None,
) -> RedriveReport:
    """Send dead letters back to their click topic, each record once.

    Args:
        settings: Names the brokers and topics.
        redrive: What is to be sent again.
        on_progress: Called after each write with the records sent so far.
        stop: Set it to end early, in order: what was sent is marked.

    Raises:
        BrokerError: If no broker answers, or not all was acknowledged; the same command again goes on from there.
        TopicError: If a topic is missing.
    """
    started_s = time.monotonic()
    report = RedriveReport(dry_run=redrive.dry_run)
    targets = redrive_targets(settings, redrive.to_topic)
    with closing(read_dead_letters(settings)) as letters:
        if redrive.dry_run:
            selector = LetterSelector(targets, redrive.to_topic, set(read_marks(settings).redriven))
            for chunk in _chunks(letters, redrive, selector, report, stop or Event()):
                report.fates[Fate.SENT] += len(chunk)
        else:
            make_marks_topic(settings)
            async with RedriveWriter(settings) as writer:
                report.transactional = writer.transactional
                selector = LetterSelector(
                    targets, redrive.to_topic, await _sent_before(settings, writer, targets, report)
                )
                for chunk in _chunks(letters, redrive, selector, report, stop or Event()):
                    await _write(settings, writer, chunk)
                    report.fates[Fate.SENT] += len(chunk)
                    on_progress(report.fates[Fate.SENT])
                await _note_end(settings, writer)
    report.elapsed_s = time.monotonic() - started_s
    return report


@dataclass(frozen=True)
class _Send:
    """A letter, and the topic that its record goes to."""

    letter: DeadLetter
    topic: str


def _chunks(
    letters: Iterator[DeadLetter | None], redrive: Redrive, selector: LetterSelector, report: RedriveReport, stop: Event
) -> Iterator[list[_Send]]:
    """Yield what is to be sent in chunks of bounded size, and count the letters that are meant and not sent."""
    chunk: list[_Send] = []
    size = selected = 0
    for letter in letters:
        if stop.is_set() or selected == redrive.limit:
            report.stopped = stop.is_set()
            break
        if letter is None or not redrive.wanted.matches(letter):
            continue
        report.matched += 1
        fate = selector.decide(letter)
        if fate is not Fate.SENT:
            report.fates[fate] += 1
            continue
        selected += 1
        chunk.append(_Send(letter, selector.topic_of(letter)))
        size += len(letter.key or b"") + len(letter.value or b"")
        if len(chunk) == CHUNK_RECORDS or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


async def _sent_before(
    settings: Settings, writer: RedriveWriter, targets: Mapping[str, Target], report: RedriveReport
) -> set[str]:
    """Return which records were sent again already; mark those that a killed run left unmarked."""
    marks = read_marks(settings)
    redriven = set(marks.redriven)
    if marks.unfinished is not None:
        unmarked = redriven_identities(settings, marks.unfinished.topics) - redriven
        now_ms = _now_ms()
        topic = marks.unfinished.topics[0]
        await writer.write([], [mark_record(settings, identity, None, topic, now_ms) for identity in sorted(unmarked)])
        report.recovered = len(unmarked)
        redriven |= unmarked
    if not writer.transactional:
        # All topics of earlier runs stay on the list until a run comes to its end.
        topics = dict.fromkeys((*(marks.unfinished.topics if marks.unfinished else ()), *targets))
        await writer.write([], [unfinished_record(settings, Unfinished(tuple(topics), _now_ms()))])
    elif marks.unfinished is not None:
        await writer.write([], [unfinished_record(settings, None)])
    return redriven


async def _note_end(settings: Settings, writer: RedriveWriter) -> None:
    if not writer.transactional:
        await writer.write([], [unfinished_record(settings, None)])


async def _write(settings: Settings, writer: RedriveWriter, chunk: list[_Send]) -> None:
    now_ms = _now_ms()
    await writer.write(
        [redriven_click(one.letter, one.topic) for one in chunk],
        [mark_record(settings, one.letter.identity, one.letter.place, one.topic, now_ms) for one in chunk],
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
