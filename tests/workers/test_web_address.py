import socket

import pytest

from workers.web_address import canonical_url, is_address


@pytest.mark.parametrize(
    ("web_url", "name", "host", "expected"),
    [
        (None, None, "127.0.0.1", "http://127.0.0.1:6066"),
        (None, None, "::1", "http://[::1]:6066"),
        (None, None, "[::1]", "http://[::1]:6066"),
        (None, None, "shop.example", "http://shop.example:6066"),
        (None, None, "0.0.0.0", f"http://{socket.gethostname()}:6066"),  # noqa: S104 - nothing is bound
        (None, None, "::", f"http://{socket.gethostname()}:6066"),
        (None, "worker-1", "10.0.0.7", "worker://worker-1"),
        ("http://10.0.0.7:80", None, "0.0.0.0", "http://10.0.0.7"),  # noqa: S104
        ("https://pod-1.shop", "worker-1", "0.0.0.0", "https://pod-1.shop"),  # noqa: S104
    ],
)
def test_the_group_knows_a_worker_by_its_address_or_its_name(
    web_url: str | None, name: str | None, host: str, expected: str
) -> None:
    """What the operator says first; a name before an address that may change over its restarts."""
    assert str(canonical_url(web_url=web_url, name=name, host=host, port=6066)) == expected


@pytest.mark.parametrize(
    "url", ["http://10.0.0.7", "http://10.0.0.7:6066", "https://shop.example", "http://[::1]:6066"]
)
def test_pages_can_be_at_an_address(url: str) -> None:
    """Of a port that is said, or that the scheme has."""
    assert is_address(url)


@pytest.mark.parametrize(
    "url", ["worker://worker-1", "http://127.0.0.1:0", "http://0.0.0.0:6066", "http://[::]:6066", "ftp://shop:21", ""]
)
def test_nobody_is_asked_where_no_pages_can_be(url: str) -> None:
    """A name is no host, port 0 is the system's choice, and every address is this machine's own."""
    assert not is_address(url)
