"""TLS and SASL against a real listener: who may gets in, everybody else is told why not, and no secret is told."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from export.artifact import Artifact
from tests.integration.harness import NEXTCLICK_WORKER, make_stream, plan_stream, running_worker
from tests.integration.secure_kafka import CLUSTER_VARIABLE, SecureKafka, cluster_script, running_secure_kafka

pytestmark = pytest.mark.kafka

WRONG_PASSWORD = "hunter2-and-wrong"  # noqa: S105
KEY_PASSWORD = "hunter2-of-a-key"  # noqa: S105


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    """One node for all of these tests."""
    script = cluster_script()
    if script is None:
        pytest.skip(f"no script that starts an Apache Kafka with TLS and SASL: {CLUSTER_VARIABLE} names one")
    with running_secure_kafka(script, tmp_path_factory.mktemp("secure") / "kafka") as started:
        yield started


def login_settings(kafka: SecureKafka, mechanism: str, *, tls: bool) -> dict[str, str]:
    """Settings of a client that logs in."""
    username, password = kafka.users[mechanism]
    return {
        "bootstrap_servers": kafka.tls_and_login if tls else kafka.login,
        "security_protocol": "SASL_SSL" if tls else "SASL_PLAINTEXT",
        "sasl_mechanism": mechanism,
        "sasl_username": username,
        "sasl_password": password,
        **({"ssl_ca_file": str(kafka.folder / "ca.pem")} if tls else {}),
    }


def certificate_settings(kafka: SecureKafka) -> dict[str, str]:
    """Settings of a client that shows a certificate."""
    return {
        "bootstrap_servers": kafka.tls,
        "security_protocol": "SSL",
        "ssl_ca_file": str(kafka.folder / "ca.pem"),
        "ssl_cert_file": str(kafka.folder / "client.pem"),
        "ssl_key_file": str(kafka.folder / "client.key"),
    }


WAYS_IN: Mapping[str, Callable[[SecureKafka], dict[str, str]]] = {
    "SCRAM over TLS": lambda kafka: login_settings(kafka, "SCRAM-SHA-256", tls=True),
    "PLAIN over TLS": lambda kafka: login_settings(kafka, "PLAIN", tls=True),
    "SCRAM": lambda kafka: login_settings(kafka, "SCRAM-SHA-256", tls=False),
    "PLAIN": lambda kafka: login_settings(kafka, "PLAIN", tls=False),
    "client certificate": certificate_settings,
}


def environment_of(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that give a process these settings."""
    return {f"NEXTCLICK_{name.upper()}": value for name, value in settings.items()}


@pytest.mark.parametrize("way", WAYS_IN)
def test_a_worker_serves_over_it(
    secure: SecureKafka, tiny_artifact: Artifact, unique_name: Callable[[str], str], tmp_path: Path, way: str
) -> None:
    """Consumer, table, producer and preflight: clicks get their lists; `dead-letters` and `topics` get in as well."""
    chosen = WAYS_IN[way](secure)
    stream = make_stream(secure.plaintext, tiny_artifact.folder, unique_name("secure"), partitions=2)
    inside = environment_of(chosen)
    with running_worker(stream, tmp_path, **inside, NEXTCLICK_LOG_LEVEL="DEBUG") as worker:
        worker.wait_until_ready()
        stream.send([{"user_id": "ann", "item_id": "item-04", "timestamp_ms": 1_700_000_000_000}])
        stream.send([{"user_id": "bob", "item_id": "", "timestamp_ms": 1_700_000_000_000}])
        assert len(stream.lists(1)) == 1
        worker.wait_for_clicks(2)
        assert worker.stop() == 0
        log = worker.log
    printed = log + "".join(
        run(arguments, {**stream.environment, **inside}, expect=0)
        for arguments in (
            ["dead-letters", "redrive", "--all"],
            ["dead-letters", "list"],
            ["topics", "describe"],
            ["config"],
        )
    )
    assert "1 dead letters" in printed
    assert "1  sent again" in printed
    assert secure_words(secure, chosen, printed) == []


class Refused(NamedTuple):
    """A client that does not get in, and what the line must say."""

    settings: Callable[[SecureKafka, Path], dict[str, str]]
    says: tuple[str, ...]


def without_authority(kafka: SecureKafka, mechanism: str) -> dict[str, str]:
    """A client that trusts the system's authorities only."""
    settings = login_settings(kafka, mechanism, tls=True)
    return {name: value for name, value in settings.items() if name != "ssl_ca_file"}


def with_a_key_that_has_a_password(kafka: SecureKafka, folder: Path) -> dict[str, str]:
    """Encrypt the client's key."""
    locked = folder / "locked.key"
    subprocess.run(
        ["/usr/bin/env", "openssl", "rsa", "-aes256", "-passout", f"pass:{KEY_PASSWORD}", "-out", str(locked)],
        input=(kafka.folder / "client.key").read_bytes(),
        check=True,
        capture_output=True,
    )
    return {**certificate_settings(kafka), "ssl_key_file": str(locked)}


REFUSED: Mapping[str, Refused] = {
    "wrong password, SCRAM over TLS": Refused(
        lambda kafka, _: login_settings(kafka, "SCRAM-SHA-256", tls=True) | {"sasl_password": WRONG_PASSWORD},
        ("does not take the login of 'scram-user' with SCRAM-SHA-256", "NEXTCLICK_SASL_PASSWORD"),
    ),
    "wrong password, PLAIN": Refused(
        lambda kafka, _: login_settings(kafka, "PLAIN", tls=False) | {"sasl_password": WRONG_PASSWORD},
        ("does not take the login of 'plain-user' with PLAIN", "NEXTCLICK_SASL_PASSWORD"),
    ),
    "a mechanism that is not offered": Refused(
        lambda kafka, _: login_settings(kafka, "PLAIN", tls=False) | {"sasl_mechanism": "SCRAM-SHA-512"},
        ("does not take the login of 'plain-user' with SCRAM-SHA-512", "NEXTCLICK_SASL_MECHANISM"),
    ),
    "an unknown authority": Refused(
        lambda kafka, _: without_authority(kafka, "PLAIN"),
        ("cannot vouch for its certificate", "NEXTCLICK_SSL_CA_FILE"),
    ),
    "a plaintext client on the TLS port": Refused(
        lambda kafka, _: {"bootstrap_servers": kafka.tls_and_login},
        ("it speaks TLS at this port", "NEXTCLICK_SECURITY_PROTOCOL=SSL"),
    ),
    "a client without login": Refused(
        lambda kafka, _: {"bootstrap_servers": kafka.login},
        ("it closes the connection, as one that asks for a login does", "NEXTCLICK_SECURITY_PROTOCOL"),
    ),
    "a login where none is asked for": Refused(
        lambda kafka, _: login_settings(kafka, "PLAIN", tls=False) | {"bootstrap_servers": kafka.plaintext},
        ("it takes no login at this port", "NEXTCLICK_SECURITY_PROTOCOL"),
    ),
    "TLS on the plaintext port": Refused(
        lambda kafka, _: certificate_settings(kafka) | {"bootstrap_servers": kafka.plaintext},
        ("it does not speak TLS at this port", "NEXTCLICK_SECURITY_PROTOCOL"),
    ),
    "no client certificate": Refused(
        lambda kafka, _: {
            k: v for k, v in certificate_settings(kafka).items() if k not in {"ssl_cert_file", "ssl_key_file"}
        },
        ("asks for a client certificate", "NEXTCLICK_SSL_CERT_FILE"),
    ),
    "a key with a password": Refused(
        with_a_key_that_has_a_password, ("ssl_key_file=", "cannot be read as a certificate and its key", "password")
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_who_does_not_get_in_is_told_why(
    secure: SecureKafka, tiny_artifact: Artifact, tmp_path: Path, case: str
) -> None:
    """A command and a worker: one line that names the setting, exit code 1, no secret, no stack trace."""
    refused = REFUSED[case]
    chosen = refused.settings(secure, tmp_path)
    stream = plan_stream(secure.plaintext, tiny_artifact.folder, "refused")
    environment = {**stream.environment, **environment_of(chosen)}
    commands = ([sys.executable, "-m", "nextclick", "dead-letters", "list"], list(NEXTCLICK_WORKER))
    with ThreadPoolExecutor(len(commands)) as pool:
        for ended in pool.map(lambda command: end_of(command, environment), commands):
            (line,) = ended.stderr.splitlines()
            assert line.startswith("nextclick: ")
            assert [said for said in refused.says if said not in line] == [], line
            assert ended.returncode == 1
            assert secure_words(secure, chosen, ended.stdout + ended.stderr) == []


def end_of(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a process to its end."""
    return subprocess.run(
        command,
        env={**os.environ, **environment, "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def run(arguments: list[str], environment: Mapping[str, str], *, expect: int) -> str:
    """Run a command; return all that it printed."""
    ended = end_of([sys.executable, "-m", "nextclick", *arguments], environment)
    assert ended.returncode == expect, ended.stderr
    return ended.stdout + ended.stderr


def secure_words(kafka: SecureKafka, chosen: Mapping[str, str], printed: str) -> list[str]:
    """Return the secrets that were printed."""
    secrets = {password for _, password in kafka.users.values()} | {WRONG_PASSWORD, KEY_PASSWORD}
    if "sasl_password" in chosen:
        secrets.add(chosen["sasl_password"])
    return [secret for secret in secrets if secret in printed]
