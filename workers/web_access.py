"""Who may be told about users over HTTP.

web_token set                    whoever sends it, from wherever
no token, web_host is loopback   whoever is on this machine
no token, web_host is not        nobody
"""

import hmac
import ipaddress

from workers.settings import Settings

_SCHEME = "bearer"


class UserPageAccess:
    """Decides whether a request may be told about users.

    Args:
        settings: `web_host` and `web_token`.
    """

    def __init__(self, settings: Settings) -> None:
        self._token = None if settings.web_token is None else settings.web_token.get_secret_value().encode()
        self._open = self._token is None and is_loopback(settings.web_host)

    def allows(self, authorization: str | None) -> bool:
        """Return whether a request with this `Authorization` header may; its duration tells nothing of the token."""
        if self._token is None:
            return self._open
        scheme, _, credentials = (authorization or "").partition(" ")
        # Bytes that are no UTF-8 reach us as lone surrogates.
        sent = credentials.strip().encode(errors="surrogateescape")
        return hmac.compare_digest(sent, self._token) and scheme.lower() == _SCHEME


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach what listens there; a name other than `localhost` may be anything."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
