import pytest

from models.errors import SettingsError
from workers.settings import load_settings
from workers.web_access import UserPageAccess, is_loopback

ANYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound
TOKEN = "0123456789abcdef-zoë"  # noqa: S105 - a test's


def access(host: str, token: str | None) -> UserPageAccess:
    """Access as a worker with these settings decides it."""
    settings = load_settings(web_host=host, web_token=token)
    return UserPageAccess(settings.web_token, settings.web_host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "[::1]", "localhost", "LocalHost"])
def test_loopback_needs_no_token(host: str) -> None:
    """Whoever is on the machine may ask; what they send does not matter."""
    assert is_loopback(host)
    assert access(host, None).allows(None)
    assert access(host, None).allows("Bearer nonsense")


@pytest.mark.parametrize(
    "host", [ANYWHERE, "::", "10.0.0.7", "shop.example", "localhost.example", "127.0.0.1.example", ""]
)
def test_elsewhere_nobody_is_told_without_a_token(host: str) -> None:
    """Neither without a header nor with an empty one."""
    assert not is_loopback(host)
    assert access(host, None).is_closed
    assert not any(access(host, None).allows(sent) for sent in (None, "", "Bearer ", "Bearer x"))


@pytest.mark.parametrize("host", ["127.0.0.1", ANYWHERE])
@pytest.mark.parametrize(
    ("sent", "allowed"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer  {TOKEN} ", True),
        (None, False),
        ("", False),
        (TOKEN, False),
        (f"Basic {TOKEN}", False),
        ("Bearer", False),
        (f"Bearer {TOKEN}x", False),
        (f"Bearer {TOKEN[:-1]}", False),
        (f"Bearer {TOKEN.upper()}", False),
        ("Bearer \udcff", False),
    ],
)
def test_a_token_is_asked_for_wherever_it_is_set(host: str, sent: str | None, allowed: bool) -> None:
    """Exactly this one, as a bearer token; a header of any bytes is answered."""
    assert access(host, TOKEN).allows(sent) is allowed
    assert not access(host, TOKEN).is_closed


def test_a_token_that_can_be_guessed_is_refused() -> None:
    """And not printed."""
    with pytest.raises(SettingsError, match=r"NEXTCLICK_WEB_TOKEN: .*16") as raised:
        load_settings(web_token="hunter2")  # noqa: S106
    assert "hunter2" not in str(raised.value)
