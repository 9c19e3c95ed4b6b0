"""Dead letters go back to the click topic once each, whatever happens in between."""

import asyncio
import gc
import os
import subprocess
import sys
from collections.abc import Callable
from textwrap import dedent
from threading import Event
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from models.errors import BrokerError, TopicError
from nextclick import redriving
from nextclick.dead_letters import LetterFilter, read_dead_letters
from nextclick.redrive_marks import marks_topic, read_marks
from nextclick.redrive_selection import Fate
from nextclick.redrive_writer import RedriveWriter
from nextclick.redriving import CHUNK_RECORDS, Redrive, redrive_dead_letters
from tests.dead_letters import letter_record, make_rejected
from tests.integration.harness import Stream
from tests.nextclick.redrives import EVERYTHING, clicks_of, committed, many, redrive_stream, reject, run
from workers.events import OutgoingRecord, RejectionReason
from workers.record_sizes import CLICK_BYTES

pytestmark = pytest.mark.broker


@pytest.fixture
def stream(broker: str, unique_name: Callable[[str], str]) -> Stream:
    """Topics of a worker with dead letters."""
    return redrive_stream(broker, unique_name("redrive"))


def test_a_record_goes_back_as_it_came(stream: Stream) -> None:
    """Key, value, headers and partition number, a name twice and no value included; one header more."""
    headers = (("trace", b"\x00\xff"), ("null", None), ("trace", b"again"))
    cases = [
        make_rejected(b"\xff", key=None, partition=2, offset=5, headers=headers),
        make_rejected(None, key=b"tombstone", partition=1, offset=6),
        make_rejected(None, key=None, partition=3, offset=7),
        make_rejected(b"", key=b"", partition=0, offset=8),
    ]
    reject(stream, *cases)
    report = run(stream)
    assert (report.matched, report.fates) == (4, {Fate.SENT: 4})
    found = {record.partition: record for record in committed(stream, stream.settings.clicks_topic)}
    for case in cases:
        record = found[case.record.partition]
        origin = f"{stream.settings.clicks_topic}/{case.record.partition}/{case.record.offset}".encode()
        assert (record.key, record.value) == (case.record.key, case.record.value)
        assert tuple(record.headers) == (*case.record.headers, ("nextclick.redriven_from", origin))


def test_each_is_sent_once_however_often_it_is_run(stream: Stream) -> None:
    """Three chunks; the second run sends nothing; letters that came in between are sent by the third."""
    count = 2 * CHUNK_RECORDS + 7
    reject(stream, *many(count))
    assert run(stream).fates == {Fate.SENT: count}
    assert run(stream).fates == {Fate.ALREADY_REDRIVEN: count}
    reject(stream, make_rejected(b"new", partition=0, offset=count))
    assert run(stream).fates == {Fate.ALREADY_REDRIVEN: count, Fate.SENT: 1}
    assert clicks_of(stream) == sorted([*((number % 4, b"%d" % number) for number in range(count)), (0, b"new")])


def test_two_letters_of_one_record_are_sent_once(stream: Stream) -> None:
    """A worker that is killed before it commits writes its dead letters again."""
    reject(stream, *many(3))
    reject(stream, *many(3))
    assert run(stream).fates == {Fate.SENT: 3, Fate.ALREADY_REDRIVEN: 3}
    assert len(clicks_of(stream)) == 3


def test_a_click_that_is_rejected_again_can_be_sent_again(stream: Stream) -> None:
    """It is another record by then, at another place, and names both places."""
    reject(stream, make_rejected(b"bad", partition=1, offset=5))
    run(stream)
    (click,) = committed(stream, stream.settings.clicks_topic)
    reject(stream, make_rejected(b"bad", partition=1, offset=click.offset, headers=tuple(click.headers)))
    assert run(stream).fates == {Fate.ALREADY_REDRIVEN: 1, Fate.SENT: 1}
    letters = [letter for letter in read_dead_letters(stream.settings) if letter is not None]
    topic = stream.settings.clicks_topic
    assert [letter.former_places for letter in letters] == [(), (f"{topic}/1/5",)]
    assert len(clicks_of(stream)) == 2


def test_only_what_is_meant(stream: Stream) -> None:
    """By reason and by place; a limit; a dry run counts the same and sends nothing."""
    reject(stream, *many(6), *(make_rejected(b"j", offset=90 + n, reason=RejectionReason.NOT_JSON) for n in range(3)))
    by_reason = LetterFilter(reasons=frozenset({"not_json"}))
    dry = run(stream, Redrive(by_reason, dry_run=True))
    assert (dry.matched, dry.fates, dry.transactional) == (3, {Fate.SENT: 3}, None)
    assert clicks_of(stream) == []
    assert run(stream, Redrive(by_reason, limit=2)).fates == {Fate.SENT: 2}
    assert run(stream, Redrive(by_reason)).fates == {Fate.ALREADY_REDRIVEN: 2, Fate.SENT: 1}
    (letter, *_) = (one for one in read_dead_letters(stream.settings) if one and one.reason == "id_too_long")
    place = LetterFilter(records=frozenset({(letter.place.partition, letter.place.offset)}))
    assert run(stream, Redrive(place)).fates == {Fate.SENT: 1}
    assert len(clicks_of(stream)) == 4


def test_what_cannot_be_sent_is_counted_and_the_rest_goes_on(stream: Stream) -> None:
    """Another worker's topic, a partition that is not there, no room for one header more; and what is no letter."""
    largest = b"x" * (CLICK_BYTES - 61 - 11 - len(b"ann"))
    reject(
        stream,
        make_rejected(largest, offset=1),
        make_rejected(b"p", partition=4, offset=2),
        make_rejected(b"ok", offset=3),
    )
    dead_letters = stream.settings.dead_letter_topic
    foreign = letter_record(make_rejected(topic="elsewhere"), dead_letters)
    stream.send_records([foreign, OutgoingRecord(dead_letters, 0, b"k", b"no letter")])
    report = run(stream)
    assert report.fates == {Fate.TOO_LARGE: 1, Fate.NO_PARTITION: 1, Fate.OTHER_TOPIC: 1, Fate.SENT: 1}
    assert (report.matched, report.unsendable) == (4, 3)
    assert clicks_of(stream) == [(3, b"ok")]


def test_a_stop_ends_in_order(stream: Stream) -> None:
    """Stopped before it began: nothing is sent; the next run sends all."""
    reject(stream, *many(3))
    stop = Event()
    stop.set()
    report = run(stream, stop=stop)
    assert (report.stopped, report.matched, report.fates) == (True, 0, {})
    assert run(stream).fates == {Fate.SENT: 3}


def test_another_topic_by_name(stream: Stream) -> None:
    """For a trial: the letters go there, and count as sent."""
    reject(stream, *many(4))
    target = stream.settings.recommendations_topic
    assert run(stream, Redrive(LetterFilter(), to_topic=target)).fates == {Fate.SENT: 4}
    assert len(committed(stream, target)) == 4
    assert clicks_of(stream) == []


def test_missing_topics_are_named(stream: Stream, unique_name: Callable[[str], str]) -> None:
    """Nothing is created by sending to it."""
    absent = unique_name("absent")
    with pytest.raises(TopicError, match=f"no topic {absent}"):
        run(stream, Redrive(LetterFilter(), to_topic=absent))
    other = stream.settings.model_copy(update={"dead_letter_topic": absent})
    with pytest.raises(TopicError, match=f"no topic {absent}"):
        asyncio.run(redrive_dead_letters(other, EVERYTHING))


# Ends the process with signal 9 at a moment of the second chunk: `clicks` when its clicks are acknowledged and its
# marks are not yet written, `all` when everything is acknowledged and, with transactions, not yet committed.
KILLED = """
    import asyncio, os, signal, sys
    from nextclick import redrive_writer, redriving
    from workers.settings import load_settings

    moment = sys.argv[1]
    redriving.CHUNK_RECORDS = 20
    whole = redrive_writer.RedriveWriter._send
    chunks = 0

    async def send(self, producer, records):
        global chunks
        clicks = [record for record in records if record.topic == load_settings().clicks_topic]
        chunks += bool(clicks)
        if chunks == 2 and moment == "clicks" and clicks:
            await whole(self, producer, clicks)
            os.kill(os.getpid(), signal.SIGKILL)
        await whole(self, producer, records)
        if chunks == 2 and moment == "all" and len(clicks) < len(records):
            os.kill(os.getpid(), signal.SIGKILL)

    redrive_writer.RedriveWriter._send = send
    redrive = redriving.Redrive(redriving.LetterFilter())
    asyncio.run(redriving.redrive_dead_letters(load_settings(), redrive))
"""


@pytest.mark.parametrize("moment", ["clicks", "all"])
def test_killed_in_the_middle_and_run_again_each_is_sent_once(
    stream: Stream, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Signal 9 between clicks and marks, and before a commit: the next run sends what is missing, nothing twice."""
    monkeypatch.setattr(redriving, "CHUNK_RECORDS", 20)
    count = 60
    reject(stream, *many(count))
    environment = {**os.environ, **stream.environment}
    killed = subprocess.run([sys.executable, "-c", dedent(KILLED), moment], env=environment, check=False, timeout=60)
    assert killed.returncode == -9
    report = run(stream)
    # With transactions the chunk that was not committed never happened; without, it is found in the click topic.
    kept = 20 if report.transactional else 40
    assert report.fates == {Fate.ALREADY_REDRIVEN: kept, Fate.SENT: count - kept}
    assert report.recovered == (20 if kept == 40 and moment == "clicks" else 0)
    assert clicks_of(stream) == sorted((number % 4, b"%d" % number) for number in range(count))
    assert run(stream).fates == {Fate.ALREADY_REDRIVEN: count}
    assert read_marks(stream.settings).unfinished is None


@pytest.mark.kafka
@pytest.mark.parametrize("refused", ["all", "half"])
def test_a_second_redrive_ends_the_first(
    kafka: str, stream: Stream, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, refused: str
) -> None:
    """Where there are transactions: what the first writes afterwards is refused, and says so in one sentence.

    Also where the refusal of its clicks comes before its marks are sent.
    """
    assert kafka
    if refused == "half":
        send_batch = AIOKafkaProducer.send_batch

        async def send_and_wait(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as they come
            acknowledgement = await send_batch(*args, **kwargs)
            await asyncio.wait([acknowledgement], timeout=10)
            return acknowledgement

        monkeypatch.setattr(AIOKafkaProducer, "send_batch", send_and_wait)
    click = OutgoingRecord(stream.settings.clicks_topic, 0, b"k", b"late")
    mark = OutgoingRecord(marks_topic(stream.settings), 0, b"m", b"{}")

    async def overlap() -> None:
        run_first = Redrive(LetterFilter())
        await redrive_dead_letters(stream.settings, run_first)
        async with RedriveWriter(stream.settings) as first, RedriveWriter(stream.settings) as second:
            with pytest.raises(BrokerError, match=r"Another redrive of .* has begun"):
                await first.write([click], [mark])
            await second.write([click], [mark])

    asyncio.run(overlap())
    assert clicks_of(stream) == [(0, b"late")]
    gc.collect()
    assert not [line for line in caplog.records if line.name == "asyncio"]
