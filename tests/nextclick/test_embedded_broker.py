"""The embedded broker starts, stops, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from models.errors import BrokerError
from nextclick.child_process import ChildProcess
from nextclick.embedded_broker import EmbeddedBroker, find_binary
from workers.kafka_admin import require_broker

try:
    find_binary()
except BrokerError as error:
    pytest.skip(str(error), allow_module_level=True)

pytestmark = pytest.mark.broker

HOLD_A_BROKER = """
import signal
import time
from nextclick.embedded_broker import EmbeddedBroker
# A shell starts what it runs in the background deaf to Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
with EmbeddedBroker() as broker:
    print(broker.bootstrap_servers, flush=True)
    time.sleep(60)
"""


def nobody_listens(address: str, within_s: float = 10.0) -> bool:
    host, port = address.split(":")
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        # A plain socket: a Kafka client that meets a broker in the middle of its end leaks its own.
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) != 0:
                return True
        time.sleep(0.02)
    return False


def test_answers_inside_its_block_and_not_after() -> None:
    """It answers metadata requests inside the block; afterwards its process group is empty and nobody listens."""
    with EmbeddedBroker() as broker:
        address, process_group = broker.bootstrap_servers, broker.process.process_group
        require_broker(address)
    with pytest.raises(ProcessLookupError):
        os.killpg(process_group, 0)
    with pytest.raises(BrokerError, match=f"No Kafka broker answers at {address}"):
        require_broker(address)


def test_a_given_port_is_used_and_a_taken_one_refused() -> None:
    """A port that someone else listens on ends in one sentence that says which option to change."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BrokerError, match=f"Port {port} on 127.0.0.1 is taken .*--port"), EmbeddedBroker(port):
            pass
    with EmbeddedBroker(port) as broker:
        assert broker.bootstrap_servers == f"127.0.0.1:{port}"


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_orphan_however_its_owner_ends(end: signal.Signals) -> None:
    """The broker ends with the process that started it, also when that one is killed with -9."""
    owner = subprocess.Popen(
        [sys.executable, "-c", HOLD_A_BROKER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with owner:
        assert owner.stdout is not None
        address = owner.stdout.readline().strip()
        require_broker(address)
        owner.send_signal(end)
        owner.wait(10)
    assert nobody_listens(address)


def test_a_binary_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An explicit binary that cannot be run ends in one sentence with both ways out."""
    monkeypatch.setenv("CALF_TANSU_BIN", "/nonexistent/tansu")
    with pytest.raises(BrokerError, match=r"/nonexistent/tansu.*--bootstrap-servers"), EmbeddedBroker():
        pass


def test_a_broker_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """A binary that ends at once is an error, not a wait, and leaves no process."""
    monkeypatch.setenv("CALF_TANSU_BIN", "/bin/false")
    with pytest.raises(BrokerError, match="did not start"), EmbeddedBroker():
        pass


def test_a_child_that_ignores_sigterm_is_killed() -> None:
    """After the grace period comes SIGKILL; the exit code tells by which signal the child ended."""
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    )
    read_end, write_end = os.pipe()
    child = ChildProcess([sys.executable, "-c", stubborn], output=write_end, grace_s=0.2)
    os.close(write_end)
    assert os.read(read_end, 1) == b"1"
    assert child.stop() == -signal.SIGKILL
    os.close(read_end)
