"""Who may ask: only a page of ours, only on this machine."""

import pytest

from nextclick.page.request_checks import refusal

OURS, JSON = "http://127.0.0.1:8000", "application/json"


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "localhost"])
def test_this_machine_may_read(host: str) -> None:
    """A GET under a name of loopback."""
    assert refusal("GET", host, None, "") is None


@pytest.mark.parametrize(
    "host", ["evil.example:8000", "evil.example", "127.0.0.1.evil.example:8000", "", "192.168.0.2:8000"]
)
def test_a_foreign_name_that_resolves_to_loopback_may_not(host: str) -> None:
    """DNS rebinding: the browser sends the foreign name as the host."""
    why = refusal("GET", host, None, "")
    assert why is not None
    assert why.startswith("This page is for this machine alone")


def test_the_page_itself_may_press_the_button() -> None:
    """The same origin, and JSON."""
    assert refusal("POST", "127.0.0.1:8000", OURS, JSON) is None


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "http://127.0.0.1:9000", "https://127.0.0.1:8000"]
)
def test_no_other_page_may_press_it(origin: str | None) -> None:
    """Another site, another port, a sandboxed frame, or nobody who says where they come from."""
    assert refusal("POST", "127.0.0.1:8000", origin, JSON) is not None


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/octet-stream"]
)
def test_a_form_may_not_press_it(content_type: str) -> None:
    """What a form can send without being asked is refused."""
    assert refusal("POST", "127.0.0.1:8000", OURS, content_type) == "Send JSON."
