"""Questions to Kafka before any click flows: does a broker answer, which topics are there, with how many partitions?

Every error of the client library ends here as one sentence that names the broker and the remedy.
"""

import contextlib
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from models.errors import BrokerError
from workers.kafka_refusals import library_complaints, why_refused
from workers.kafka_security import KafkaSecurity

# Enough for a broker on the other side of a continent; short enough that a person waits for the answer.
ANSWER_TIMEOUT_S = 5.0
DEFAULT_PORT = 9092

# Largest batch of the click topic. Kafka's default is 12 bytes more, the overhead of one record of an older format.
CLICK_BYTES = 1 << 20
# A dead letter is the record itself and headers that say why: a limit no larger than the click topic's would make the
# largest records impossible to set aside. The same bound holds for a producer's `max_request_size`.
DEAD_LETTER_BYTES = CLICK_BYTES + (64 << 10)


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
    with connected_admin(bootstrap_servers, security=security, timeout_s=timeout_s) as admin:
        return described_topics(admin, names)


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
        BrokerError: If no broker answers within `timeout_s`, or one refuses what the block asks.
    """
    _require_listener(bootstrap_servers, timeout_s)
    chosen = security or KafkaSecurity()
    timeout_ms = int(timeout_s * 1000)
    with library_complaints() as complaints:
        try:
            admin = KafkaAdminClient(
                bootstrap_servers=bootstrap_servers.split(","),
                bootstrap_timeout_ms=timeout_ms,
                request_timeout_ms=timeout_ms,
                **chosen.client_options(),
            )
        except (KafkaError, OSError, ValueError) as error:
            why = why_refused(chosen, complaints, parse_bootstrap_servers(bootstrap_servers), timeout_s)
            raise _refused(bootstrap_servers, why, timeout_s) from error
    try:
        yield admin
    except KafkaError as error:
        raise BrokerError(f"The Kafka broker at {bootstrap_servers} refused: {first_sentence(error)}") from error
    finally:
        admin.close()


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


def _require_listener(bootstrap_servers: str, timeout_s: float) -> None:
    """Find out at once, and without the client library's background thread, that nothing listens there."""
    for address in parse_bootstrap_servers(bootstrap_servers):
        with contextlib.suppress(OSError), socket.create_connection(address, timeout=timeout_s):
            return
    raise BrokerError(no_answer(bootstrap_servers))
