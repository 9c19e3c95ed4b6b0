"""What a worker's web server does not do: answer elsewhere than on loopback, take a path, a size or a body."""

import socket

import pytest

from tests.integration.conftest import Serving

pytestmark = pytest.mark.broker

TIMEOUT_S = 10.0


def ask(port: int, request: bytes) -> bytes:
    """Send bytes; return the first line of the answer, empty where the connection is closed without one."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
        try:
            connection.sendall(request)
            answer = b""
            while b"\r\n" not in answer and (received := connection.recv(65_536)):
                answer += received
        except (ConnectionResetError, BrokenPipeError):
            return b""
    return answer.partition(b"\r\n")[0]


def get(port: int, path: str) -> bytes:
    """Ask for a path exactly as written; a client library would tidy it up."""
    return ask(port, f"GET {path} HTTP/1.1\r\nHost: worker\r\nConnection: close\r\n\r\n".encode())


@pytest.mark.parametrize(
    "path",
    [
        "/livez/",
        "/livez/..",
        "/../livez",
        "/..%2f..%2fetc/passwd",
        "/livez/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/metrics%00",
        "/metrics;x=1",
        "/static/",
        "/table/",
        "/tables/",
        "/router/",
        "/graph/",
        "/stats/",
        "/config",
        "/recommendations",
        "/recommendations/",
        "/recommendations/ann/",
        "/recommendations/ann/../bob",
        "//recommendations/ann",
    ],
)
def test_no_other_pages_are_there(serving: Serving, path: str) -> None:
    """No other path leads anywhere, nor to these by a detour; Faust's own pages are off."""
    assert get(serving.worker.port, path).split()[1:2] == [b"404"]


def test_the_root_is_fausts_and_says_nothing(serving: Serving) -> None:
    """A constant: neither of users nor of settings."""
    assert serving.worker.get("/") == (200, '{"status":"OK"}')


@pytest.mark.parametrize("page", ["/livez", "/readyz", "/metrics", "/recommendations/ann"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_pages_are_read_only(serving: Serving, page: str, method: str) -> None:
    """There is nothing to be changed over HTTP."""
    request = f"{method} {page} HTTP/1.1\r\nHost: worker\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    assert ask(serving.worker.port, request.encode()).split()[1:2] == [b"405"]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /" + b"x" * 1_000_000 + b" HTTP/1.1\r\nHost: worker\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: worker\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: worker\r\n" + b"X: y\r\n" * 200_000 + b"\r\n",
        b"GET /livez HTTP/9.9\r\n\r\n",
        b"\x00\xff\r\n\r\n",
    ],
    ids=["long path", "long header", "many headers", "strange version", "no HTTP"],
)
def test_sizes_are_bounded(serving: Serving, request_bytes: bytes) -> None:
    """Refused or cut off; the pages answer the next one."""
    status = ask(serving.worker.port, request_bytes).split()[1:2]
    assert status in ([], [b"400"], [b"414"], [b"431"])
    assert get(serving.worker.port, "/livez").split()[1:2] == [b"200"]


def test_a_body_of_any_size_is_not_waited_for(serving: Serving) -> None:
    """A page that takes no body answers before it has come."""
    request = b"GET /livez HTTP/1.1\r\nHost: worker\r\nContent-Length: 1000000000000\r\nConnection: close\r\n\r\n"
    assert ask(serving.worker.port, request).split()[1:2] == [b"200"]


def test_nothing_listens_beyond_loopback(serving: Serving) -> None:
    """The address under which others see this machine refuses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Nothing is sent: this only asks which address would be used. The network is one for documentation.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        address = probe.getsockname()[0]
    with pytest.raises(OSError), socket.create_connection((address, serving.worker.port), 2):  # noqa: PT011
        pass
