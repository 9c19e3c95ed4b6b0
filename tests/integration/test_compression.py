"""Compressed clicks in, compressed lists out."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from kafka import KafkaProducer

from export.artifact import Artifact
from tests.integration.harness import make_stream, running_worker

pytestmark = pytest.mark.broker

CODECS = ("gzip", "snappy", "lz4", "zstd")


def test_every_codec_is_read(
    broker: str, tiny_artifact: Artifact, unique_name: Callable[[str], str], tmp_path: Path
) -> None:
    """A producer may compress with any of Kafka's codecs; lists and states may be compressed too."""
    stream = make_stream(broker, tiny_artifact.folder, unique_name("codecs"), compression="zstd")
    for number, codec in enumerate(CODECS):
        click = {"user_id": codec, "item_id": "item-01", "timestamp_ms": 1_700_000_000_000 + number}
        producer = KafkaProducer(bootstrap_servers=broker, compression_type=codec)
        producer.send(stream.settings.clicks_topic, key=codec.encode(), value=json.dumps(click).encode()).get(10)
        producer.close()
    with running_worker(stream, tmp_path) as worker:
        lists = stream.lists(len(CODECS))
        assert worker.stop() == 0
    assert {json.loads(record.value)["user_id"] for record in lists} == set(CODECS)
    assert set(stream.decoded_states()) == set(CODECS)
