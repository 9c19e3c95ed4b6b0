"""Apache Kafka nodes of a cluster script, which end with us however we end.

The script's nodes outlive the shell that started them. So a keeper stands between: this module, run as a program under
`nextclick.child_process`. It starts the nodes, and purges them when it is told to stop or when we are gone.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from nextclick.child_process import ChildProcess
from tests.kafka_script import STOP_TIMEOUT_S, purge_nodes, start_nodes

START_TIMEOUT_S = 180.0
ADDRESS_VARIABLE = "NEXTCLICK_TEST_BROKER="


class KafkaCluster:
    """Nodes of Apache Kafka, alive within the `with` block.

    Args:
        script: What starts, breaks and stops nodes: `start --dir D --nodes N`, `kill`, `term`, `restart`, `pause`,
            `resume`, `stop`.
        folder: Where the nodes keep their data; made, and removed at the end.
        nodes: One or three; three replicate everything, and two must have a record.

    Raises:
        RuntimeError: If the nodes do not start; the message ends with what the script said.
    """

    def __init__(self, script: str, folder: Path, *, nodes: int) -> None:
        self.nodes = nodes
        self.bootstrap_servers = ""
        self._script = script
        self._folder = folder
        self._log = folder.with_name(f"{folder.name}.log")
        self._keeper: ChildProcess | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.chaos.kafka_cluster", self._script, str(self._folder), str(self.nodes)]
        with self._log.open("wb") as output:
            self._keeper = ChildProcess(command, output=output, grace_s=STOP_TIMEOUT_S)
        try:
            self.bootstrap_servers = self._wait_for_address()
        except BaseException:
            self._keeper.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._keeper is not None:
            self._keeper.stop()

    def kill(self, node: int) -> None:
        """End a node with signal 9; they count from 0."""
        self._tell("kill", node)

    def term(self, node: int) -> None:
        """Shut a node down in order."""
        self._tell("term", node)

    def restart(self, node: int) -> None:
        """Start a node again on its own data, and wait until it is up."""
        self._tell("restart", node)

    def pause(self, node: int) -> None:
        """SIGSTOP a node."""
        self._tell("pause", node)

    def resume(self, node: int) -> None:
        """SIGCONT a node."""
        self._tell("resume", node)

    def _tell(self, verb: str, node: int) -> None:
        subprocess.run(
            [sys.executable, self._script, verb, str(node + 1), "--dir", str(self._folder)],
            check=True,
            timeout=START_TIMEOUT_S,
            stdout=subprocess.DEVNULL,
        )

    def _wait_for_address(self) -> str:
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._keeper is not None and self._keeper.poll() is None and time.monotonic() < deadline:
            for line in self._log.read_text(encoding="utf-8").splitlines():
                if line.startswith(ADDRESS_VARIABLE):
                    return line.removeprefix(ADDRESS_VARIABLE)
            time.sleep(0.1)
        said = self._log.read_text(encoding="utf-8").strip() or "nothing"
        raise RuntimeError(f"The cluster script {self._script} did not start {self.nodes} nodes; it said: {said}")


def _keep(script: str, folder: str, nodes: str) -> int:
    """Start the nodes, wait to be stopped, purge them."""

    def _leave(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, _leave)
    try:
        variables = start_nodes(script, Path(folder), "--nodes", nodes)
        sys.stdout.write(f"{ADDRESS_VARIABLE}{variables[ADDRESS_VARIABLE.rstrip('=')]}\n")
        sys.stdout.flush()
        while True:
            signal.pause()
    finally:
        # A second SIGTERM must not end the purge half-way.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        purge_nodes(script, Path(folder))


if __name__ == "__main__":
    sys.exit(_keep(*sys.argv[1:]))
