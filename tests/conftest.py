"""Brokers for the tests.

`broker` is any Kafka-compatible broker: the one that NEXTCLICK_TEST_BROKER names, an Apache Kafka that
NEXTCLICK_TEST_KAFKA_CLUSTER can start, or else the embedded one. `kafka` is a real Apache Kafka or a skip.
Each starts at most once a session: give your topics and applications names of your own (`unique_name`).
"""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from export.artifact import Artifact
from models.errors import BrokerError
from nextclick.embedded_broker import EmbeddedBroker, find_binary
from tests.kafka_script import purge_nodes, start_nodes
from tests.shared_artifacts import made_once


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that need a broker first: they take longest, and files are dealt out in this order."""
    with_broker = {item.path for item in items if item.get_closest_marker("broker")}
    items.sort(key=lambda item: item.path not in with_broker)


@pytest.fixture(scope="session")
def apache_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str | None]:
    """Bootstrap servers of a real Apache Kafka, or None where there is none."""
    address = os.environ.get("NEXTCLICK_TEST_BROKER")
    cluster = os.environ.get("NEXTCLICK_TEST_KAFKA_CLUSTER")
    if address or not cluster:
        yield address or None
        return
    folder = tmp_path_factory.mktemp("kafka") / "cluster"
    variables = start_nodes(cluster, folder)
    try:
        yield variables["NEXTCLICK_TEST_BROKER"]
    finally:
        purge_nodes(cluster, folder)


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


@pytest.fixture(scope="session")
def tiny_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """An untrained LSTM of 30 items, exported once for all tests: read it, never write to it."""

    def make(folder: Path) -> Artifact:
        # torch takes two seconds to import: only tests that need it pay.
        from tests.factories import make_tiny_artifact  # noqa: PLC0415

        return make_tiny_artifact(folder)

    return made_once(tmp_path_factory, "tiny", make)
