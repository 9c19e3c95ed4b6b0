"""A fresh broker for every round: embedded, or a node of Apache Kafka; on a broker that is given, fresh topics."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.folders import BUILD
from benchmarks.machine import Cores, on_cores
from models.errors import BrokerError
from nextclick.embedded_broker import EmbeddedBroker

START_TIMEOUT_S = 60
START_ATTEMPTS = 3
# How the cluster script says where it listens: `NEXTCLICK_TEST_BROKER=host:port`.
ADDRESS_VARIABLE = "NEXTCLICK_TEST_BROKER="


@dataclass(frozen=True)
class BrokerChoice:
    """Which broker to measure with; the embedded one where neither is named.

    Attributes:
        bootstrap_servers: One that runs.
        cluster_script: Starts and stops a node of Apache Kafka: `SCRIPT start --dir D`, `SCRIPT stop --purge --dir D`.
    """

    bootstrap_servers: str | None
    cluster_script: Path | None

    @property
    def name(self) -> str:
        """What the results call it."""
        if self.bootstrap_servers is not None:
            return f"broker at {self.bootstrap_servers}"
        return "Apache Kafka, one node" if self.cluster_script is not None else "embedded broker"

    @property
    def is_embedded(self) -> bool:
        """Whether it is the one that comes with nextclick."""
        return self.bootstrap_servers is None and self.cluster_script is None


@contextmanager
def fresh_broker(choice: BrokerChoice, cores: Cores) -> Iterator[str]:
    """Yield the address of a broker that has seen nothing yet; for a given one, that of the given one.

    Raises:
        BrokerError: If it does not start.
    """
    if choice.bootstrap_servers is not None:
        yield choice.bootstrap_servers
    elif choice.cluster_script is not None:
        with _cluster(choice.cluster_script.resolve(), cores) as address:
            yield address
    else:
        with on_cores(cores.others):
            broker = EmbeddedBroker().__enter__()
        try:
            yield broker.bootstrap_servers
        finally:
            broker.__exit__(None, None, None)


@contextmanager
def _cluster(script: Path, cores: Cores) -> Iterator[str]:
    BUILD.mkdir(parents=True, exist_ok=True)
    parent = Path(tempfile.mkdtemp(prefix="kafka-", dir=BUILD))
    folder = parent / "node"
    try:
        with on_cores(cores.others):
            address = _start(script, folder)
        yield address
    finally:
        _run(script, "stop", "--purge", "--dir", str(folder))
        shutil.rmtree(parent, ignore_errors=True)


def _start(script: Path, folder: Path) -> str:
    """Start a node and return its address; another process may take its port first, so it is tried again."""
    for attempt in range(1, START_ATTEMPTS + 1):
        try:
            said = _run(script, "start", "--dir", str(folder))
            break
        except BrokerError as error:
            if attempt == START_ATTEMPTS:
                raise BrokerError(f"{error} {_complaint(folder)}") from error
            _run(script, "stop", "--purge", "--dir", str(folder))
    addresses = [line for line in said.splitlines() if line.startswith(ADDRESS_VARIABLE)]
    if not addresses:
        raise BrokerError(f"{script} start names no {ADDRESS_VARIABLE}host:port: it said {said!r}.")
    return addresses[0].removeprefix(ADDRESS_VARIABLE)


def _complaint(folder: Path) -> str:
    """Return what a node's log says last of what went wrong: it is gone with the folder."""
    logs = [log.read_text(encoding="utf-8", errors="replace") for log in sorted(folder.rglob("*.log"))]
    return next((line for log in logs for line in reversed(log.splitlines()) if "ERROR" in line or "FATAL" in line), "")


def _run(script: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            [str(script), *arguments], capture_output=True, text=True, check=False, timeout=START_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BrokerError(f"{script} {arguments[0]} failed: {error}.") from error
    if done.returncode:
        raise BrokerError(f"{script} {arguments[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
