"""Questions to Kafka before any click flows: does a broker answer, which topics are there, with how many partitions?

Every error of the client library ends here as one sentence that names the broker and the remedy.
"""

import contextlib
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, RetriableError

from models.errors import BrokerError
from workers.kafka_refusals import library_complaints, why_refused
from workers.kafka_security import KafkaSecurity

# Enough for a broker on the other side of a continent; short enough that a person waits for the answer.
ANSWER_TIMEOUT_S = 5.0
# Between two tries of a question. The client avoids a broker that refused it for a moment, and so asks another.
RETRY_PAUSE_S = 0.1
DEFAULT_PORT = 9092

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class TopicDescription:
    """A topic as the broker sees it."""

    name: str
    partitions: int
    replication_factor: int


def require_broker(
    bootstrap_servers: str, *, security: KafkaSecurity | None = None, timeout_s: float = ANSWER_TIMEOUT_S
) -> None:
    """Return once a broker has answered a metadata request.

    Args:
        bootstrap_servers: `host:port`, several with commas between them.
        security: How it is talked to; None: plainly.
        timeout_s: How long to wait for the answer.

    Raises:
        BrokerError: If none answers.
    """
    with connected_admin(bootstrap_servers, security=security, timeout_s=timeout_s):
        pass


def describe_topics(
    bootstrap_servers: str,
    names: Iterable[str],
    *,
    security: KafkaSecurity | None = None,
    timeout_s: float = ANSWER_TIMEOUT_S,
) -> dict[str, TopicDescription]:
    """Return those of the topics that exist, by name, in the order asked for.

    Raises:
        BrokerError: If no broker answers, or it refuses to describe them.
    """
    wanted = list(names)
    with connected_admin(bootstrap_servers, security=security, timeout_s=timeout_s) as admin:
        # One that hangs takes a whole `timeout_s`.
        patience_s = timeout_s * len(parse_bootstrap_servers(bootstrap_servers))
        return answered(lambda: described_topics(admin, wanted), timeout_s=patience_s)


def answered(question: Callable[[], _Answer], *, timeout_s: float = ANSWER_TIMEOUT_S) -> _Answer:
    """Return the answer to a question that changes nothing, asked again while a broker is down.

    The client picks a broker at random and gives up if that one is down, although the others would answer.

    Raises:
        KafkaError: What was wrong last, where nobody answered in time; at once what another try would not change.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return question()
        except RetriableError:
            if time.monotonic() + RETRY_PAUSE_S > deadline:
                raise
            time.sleep(RETRY_PAUSE_S)


def described_topics(admin: KafkaAdminClient, names: Iterable[str]) -> dict[str, TopicDescription]:
    """Do the same over a connection that is open already; the client's own errors pass through."""
    wanted = list(names)
    # The listing first: asking a broker for a topic by name can create it there (auto.create.topics.enable).
    present = set(admin.list_topics())
    existing = [name for name in wanted if name in present]
    if not existing:
        return {}
    by_name = {topic["name"]: topic["partitions"] for topic in admin.describe_topics(existing)}
    return {
        name: TopicDescription(
            name=name,
            partitions=len(by_name[name]),
            replication_factor=min((len(partition["replica_nodes"]) for partition in by_name[name]), default=0),
        )
        for name in existing
    }


@contextlib.contextmanager
def connected_admin(
    bootstrap_servers: str, *, security: KafkaSecurity | None = None, timeout_s: float = ANSWER_TIMEOUT_S
) -> Iterator[KafkaAdminClient]:
    """Open an admin client that has reached a broker, and close it; its errors inside the block become `BrokerError`.

    Raises:
        BrokerError: If none of the servers answers within its `timeout_s`, or a broker refuses what the block asks.
    """
    admin = _reached(bootstrap_servers, security or KafkaSecurity(), timeout_s)
    try:
        yield admin
    except KafkaError as error:
        raise BrokerError(f"The Kafka broker at {bootstrap_servers} refused: {first_sentence(error)}") from error
    finally:
        admin.close()


def _reached(bootstrap_servers: str, security: KafkaSecurity, timeout_s: float) -> KafkaAdminClient:
    """Return a client of the first server that answers.

    Given them all, the client library spends its whole time on one that hangs.
    """
    listening, last = [], None
    with library_complaints() as complaints:
        for server, address in zip(
            bootstrap_servers.split(","), parse_bootstrap_servers(bootstrap_servers), strict=True
        ):
            # At once, and without the library's background thread.
            if not _listens(address, timeout_s):
                continue
            listening.append(address)
            try:
                return KafkaAdminClient(
                    bootstrap_servers=[server.strip()],
                    bootstrap_timeout_ms=int(timeout_s * 1000),
                    request_timeout_ms=int(timeout_s * 1000),
                    **security.client_options(),
                )
            except (KafkaError, OSError, ValueError) as error:
                last = error
    if last is None:
        raise BrokerError(no_answer(bootstrap_servers))
    why = why_refused(security, complaints, listening, timeout_s)
    raise _refused(bootstrap_servers, why, timeout_s) from last


def _refused(bootstrap_servers: str, why: str | None, timeout_s: float) -> BrokerError:
    if why is not None:
        return BrokerError(f"The broker at {bootstrap_servers} does not take this client: {why}")
    return BrokerError(
        f"Something listens at {bootstrap_servers}, but it did not answer as a Kafka broker "
        f"within {timeout_s:g} s: check --bootstrap-servers and the security settings (`nextclick config`)."
    )


def no_answer(bootstrap_servers: str) -> str:
    """Return the sentence for a broker that is not up."""
    return (
        f"No Kafka broker answers at {bootstrap_servers}: start one with `nextclick broker`, "
        "or name another with --bootstrap-servers."
    )


def first_sentence(error: KafkaError) -> str:
    """Return what a person needs of a client error, without the request and the response that the library quotes."""
    message = str(error).split(" failed with response ")[0].split("Request '")[0].rstrip(": ")
    return message or type(error).__name__


def parse_bootstrap_servers(bootstrap_servers: str) -> list[tuple[str, int]]:
    """Return the (host, port) pairs of `host:port,[::1]:port,host`.

    Raises:
        BrokerError: If an address has no host, or a port that is no port.
    """
    addresses = []
    for server in bootstrap_servers.split(","):
        host, colon, port = server.strip().rpartition(":")
        if not colon or port.endswith("]"):
            host, port = server.strip(), str(DEFAULT_PORT)
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 1 << 16:
            raise BrokerError(f"{server!r} is not the address of a Kafka broker: write it as host:port.")
        addresses.append((host.strip("[]"), int(port)))
    return addresses


def _listens(address: tuple[str, int], timeout_s: float) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(address, timeout=timeout_s):
        return True
    return False
