"""A real Apache Kafka with TLS and SASL listeners."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.kafka_script import purge_nodes, start_nodes

CLUSTER_VARIABLE = "NEXTCLICK_TEST_KAFKA_CLUSTER"


@dataclass(frozen=True)
class SecureKafka:
    """Its listeners.

    Attributes:
        plaintext: Bootstrap servers of the listener that anybody may talk to.
        tls: With TLS, for clients with a certificate.
        tls_and_login: With TLS and SASL.
        login: With SASL and without TLS.
        folder: `ca.pem`, `client.pem`, `client.key`.
        users: Name and password by mechanism.
    """

    plaintext: str
    tls: str
    tls_and_login: str
    login: str
    folder: Path
    users: Mapping[str, tuple[str, str]]


@contextmanager
def running_secure_kafka(script: str, folder: Path) -> Iterator[SecureKafka]:
    """Run a node whose TLS listener asks for a client certificate."""
    found = start_nodes(script, folder, "--secure", "--set", "listener.name.ssl.ssl.client.auth=required")
    try:
        yield SecureKafka(
            plaintext=found["NEXTCLICK_TEST_BROKER"],
            tls=found["KAFKA_SSL"],
            tls_and_login=found["KAFKA_SASL_SSL"],
            login=found["KAFKA_SASL_PLAINTEXT"],
            folder=Path(found["KAFKA_TLS_DIR"]),
            users={
                "PLAIN": (found["KAFKA_PLAIN_USER"], found["KAFKA_PLAIN_PASSWORD"]),
                "SCRAM-SHA-256": (found["KAFKA_SCRAM_USER"], found["KAFKA_SCRAM_PASSWORD"]),
            },
        )
    finally:
        purge_nodes(script, folder)


def cluster_script() -> str | None:
    """Return the script that starts clusters, or None where there is none."""
    return os.environ.get(CLUSTER_VARIABLE)
