"""A real worker takes thousands of damaged records: it lives, and each has its list or its dead letter."""

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from export.artifact import Artifact
from tests.integration.harness import make_stream, running_worker, wait_until
from tests.workers.mutations import mutated_records
from workers.assembly import build_decoder
from workers.events import OutgoingRecord, Rejection
from workers.messages import HEADER_PREFIX

pytestmark = [pytest.mark.broker, pytest.mark.chaos]

RECORDS = int(os.environ.get("NEXTCLICK_TEST_FUZZ_WORKER_RECORDS", "20000"))
SEED = int(os.environ.get("NEXTCLICK_TEST_FUZZ_SEED", "2024"))
PARTITIONS = 4
CHUNK = 1_000
FUZZ_TIMEOUT_S = 240.0


def test_a_worker_accounts_for_every_mutated_record(
    broker: str, tiny_artifact: Artifact, unique_name: Callable[[str], str], tmp_path: Path
) -> None:
    """Lists + dead letters == records, by place, and by reason as the decoder alone says; a later click is served."""
    stream = make_stream(broker, tiny_artifact.folder, unique_name("fuzz"), partitions=PARTITIONS)
    topic = stream.settings.clicks_topic
    records = list(mutated_records(SEED, RECORDS, topic=topic, partitions=PARTITIONS))
    for start in range(0, RECORDS, CHUNK):
        stream.send_records(
            [
                OutgoingRecord(topic, one.partition, one.key, one.value, one.headers)
                for one in records[start : start + CHUNK]
            ]
        )
    decoder = build_decoder(stream.settings, check_key=True)
    decoded = [decoder.decode(record) for record in records]
    expected = Counter(one.reason.value if isinstance(one, Rejection) else "click" for one in decoded)

    with running_worker(stream, tmp_path) as worker:
        worker.wait_until_ready()
        wait_until(lambda: sum(worker.clicks().values()) >= RECORDS, FUZZ_TIMEOUT_S)
        stream.send([{"user_id": "afterwards", "item_id": "item-04", "timestamp_ms": 1_714_521_600_000}])
        assert stream.lists_of("afterwards", 1)[0]["strategy"] == "personal"
        outcomes = worker.clicks()
        assert worker.stop() == 0

    lists = [json.loads(record.value)["source"] for record in stream.read_all(stream.settings.recommendations_topic)]
    letters = [dict(record.headers) for record in stream.read_all(stream.settings.dead_letter_topic)]
    # A header of one of our names may be the record's own: the worker's come last, and the last of a name wins.
    found = Counter(letter[f"{HEADER_PREFIX}reason"].decode() for letter in letters)
    assert found + Counter(click=len(lists) - 1) == expected
    listed = {(source["partition"], source["offset"]) for source in lists}
    set_aside = {
        tuple(int(letter[f"{HEADER_PREFIX}source.{name}"]) for name in ("partition", "offset")) for letter in letters
    }
    assert len(listed) + len(set_aside) == len(lists) + len(letters) == RECORDS + 1
    assert not listed & set_aside
    assert sum(outcomes.values()) == RECORDS + 1
    assert outcomes["redelivered"] == 0
