"""Streams with dead letters in them, redriven, and what a worker would see afterwards."""

import asyncio
from pathlib import Path
from threading import Event

from nextclick.dead_letters import LetterFilter
from nextclick.redriving import Redrive, RedriveReport, redrive_dead_letters
from nextclick.topic_reading import ConsumerRecord, TopicReader
from nextclick.topics import create_topics, planned_topics
from tests.dead_letters import Rejected, letter_record, make_rejected
from tests.integration.harness import Stream, plan_stream

EVERYTHING = Redrive(LetterFilter())


def redrive_stream(broker: str, name: str) -> Stream:
    """Topics of four partitions, two for dead letters."""
    stream = plan_stream(broker, Path("unused"), name)
    for topic in planned_topics(stream.settings):
        create_topics(broker, [topic], partitions=2 if topic.role == "dead letters" else 4, replication_factor=1)
    return stream


def reject(stream: Stream, *rejected: Rejected) -> None:
    """Write dead letters as a worker does."""
    topic = stream.settings.dead_letter_topic
    own = [one._replace(record=one.record._replace(topic=stream.settings.clicks_topic)) for one in rejected]
    stream.send_records([letter_record(one, topic, partitions=2) for one in own])


def many(count: int) -> list[Rejected]:
    """Make rejected records on four partitions, each with a value of its own."""
    return [make_rejected(b"%d" % number, partition=number % 4, offset=number) for number in range(count)]


def run(stream: Stream, redrive: Redrive = EVERYTHING, stop: Event | None = None) -> RedriveReport:
    """Redrive to the end."""
    return asyncio.run(redrive_dead_letters(stream.settings, redrive, stop=stop))


def committed(stream: Stream, topic: str) -> list[ConsumerRecord]:
    """Return what a worker would see of a topic."""
    with TopicReader(stream.settings.bootstrap_servers, topic, read_committed=True) as reader:
        return list(reader.read_to_end())


def clicks_of(stream: Stream) -> list[tuple[int, bytes]]:
    """Return partition and value of every click that a worker would see."""
    return sorted((record.partition, record.value) for record in committed(stream, stream.settings.clicks_topic))
