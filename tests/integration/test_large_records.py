"""Records larger than anything that a dead letter can hold: a compressed batch may carry them past every limit."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from kafka import KafkaProducer

from export.artifact import Artifact
from nextclick.dead_letters import parse_dead_letter
from nextclick.redrive_selection import Fate, LetterSelector, Target
from tests.click_records import click_value
from tests.integration.harness import make_stream, running_worker
from workers.events import Headers, RejectionReason
from workers.record_sizes import RECORD_BYTES

pytestmark = pytest.mark.broker

PARTITION = 1
LARGE = 3 << 20
Sent = tuple[bytes | None, bytes | None, Headers]

TOO_LARGE: dict[str, Sent] = {
    "a click": (b"ann", click_value(more=" " * LARGE), ()),
    "no JSON": (b"ann", b" " * LARGE, ()),
    "a key": (b"k" * LARGE, b"", ()),
    "a header's value": (b"ann", click_value(), (("large", b" " * LARGE),)),
    "a header's name": (b"ann", b"no click", (("n" * LARGE, b""),)),
    "many headers": (b"ann", b"no click", (("h", b""),) * 200_000),
}
# In whole in its dead letter, with the headers that say why.
LARGEST = (b"ann", b"no click", (("large", b"x" * (RECORD_BYTES - 100)),))


def send(broker: str, topic: str, records: list[Sent]) -> None:
    """Send records to one partition, compressed."""
    producer = KafkaProducer(bootstrap_servers=broker, compression_type="gzip", max_request_size=LARGE * 4)
    for key, value, headers in records:
        producer.send(topic, key=key, value=value, headers=list(headers), partition=PARTITION).get(30)
    producer.close()


def test_records_that_no_dead_letter_can_hold_stop_nothing(
    broker: str, tiny_artifact: Artifact, unique_name: Callable[[str], str], tmp_path: Path
) -> None:
    """Each has a dead letter that says where it is; the largest that fits is set aside in whole; clicks go on."""
    stream = make_stream(broker, tiny_artifact.folder, unique_name("large"))
    topic = stream.settings.clicks_topic
    send(broker, topic, [*TOO_LARGE.values(), LARGEST, (b"ann", click_value(event_id="behind"), ())])
    with running_worker(stream, tmp_path) as worker:
        assert json.loads(stream.lists(1)[0].value)["event_id"] == "behind"
        assert worker.stop() == 0
    letters = [parse_dead_letter(record) for record in stream.read_all(stream.settings.dead_letter_topic)]
    *left_out, whole = [letter for letter in letters if letter is not None]
    for offset, letter in enumerate(left_out):
        assert letter.reason == RejectionReason.RECORD_TOO_LARGE
        assert letter.source == (topic, PARTITION, offset)
        assert (letter.key, letter.value, letter.headers) == (None, None, ())
        assert LetterSelector({topic: Target(4, LARGE)}, None, set()).decide(letter) is Fate.LEFT_OUT
    assert len(left_out) == len(TOO_LARGE)
    assert whole.reason == RejectionReason.NOT_JSON
    assert (whole.key, whole.value, whole.headers) == LARGEST
