"""Brokers for the tests.

`broker` is any Kafka-compatible broker: the one that NEXTCLICK_TEST_BROKER names, an Apache Kafka that
NEXTCLICK_TEST_KAFKA_CLUSTER can start, or else the embedded one. `kafka` is a real Apache Kafka or a skip.
Each starts at most once a session: give your topics and applications names of your own (`unique_name`).
"""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from export.artifact import Artifact
from models.errors import BrokerError
from nextclick.embedded_broker import EmbeddedBroker, find_binary


@pytest.fixture(scope="session")
def apache_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str | None]:
    """Bootstrap servers of a real Apache Kafka, or None where there is none."""
    address = os.environ.get("NEXTCLICK_TEST_BROKER")
    cluster = os.environ.get("NEXTCLICK_TEST_KAFKA_CLUSTER")
    if address or not cluster:
        yield address or None
        return
    with _cluster(cluster, str(tmp_path_factory.mktemp("kafka") / "cluster")) as started:
        yield started


@pytest.fixture(scope="session")
def kafka(apache_kafka: str | None) -> str:
    """Bootstrap servers of a real Apache Kafka."""
    if apache_kafka is None:
        pytest.skip("no Apache Kafka: NEXTCLICK_TEST_BROKER names one, NEXTCLICK_TEST_KAFKA_CLUSTER starts one")
    return apache_kafka


@pytest.fixture(scope="session")
def broker(apache_kafka: str | None) -> Iterator[str]:
    """Bootstrap servers of any Kafka-compatible broker."""
    if apache_kafka is not None:
        yield apache_kafka
        return
    try:
        find_binary()
    except BrokerError as error:
        pytest.skip(str(error))
    with EmbeddedBroker() as embedded:
        yield embedded.bootstrap_servers


@pytest.fixture
def unique_name() -> Callable[[str], str]:
    """Makes names that no other test uses: `unique_name("clicks")` is `clicks-1f0c3a9b`."""
    suffix = uuid.uuid4().hex[:8]
    return lambda name: f"{name}-{suffix}"


@contextmanager
def _cluster(script: str, folder: str) -> Iterator[str]:
    command = [sys.executable, script]
    try:
        started = subprocess.run(
            [*command, "start", "--dir", folder], check=True, stdout=subprocess.PIPE, text=True, timeout=120
        )
        variables = dict(line.split("=", 1) for line in started.stdout.splitlines() if "=" in line)
        yield variables["NEXTCLICK_TEST_BROKER"]
    finally:
        # Unchecked: where the start failed, the reason is the start's.
        subprocess.run([*command, "stop", "--purge", "--dir", folder], check=False, timeout=60)


@pytest.fixture(scope="session")
def tiny_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """An untrained LSTM of 30 items, exported once for all tests: read it, never write to it."""
    # torch takes two seconds to import: only tests that need it pay.
    from tests.factories import make_tiny_artifact  # noqa: PLC0415

    return make_tiny_artifact(tmp_path_factory.mktemp("artifact") / "tiny")
