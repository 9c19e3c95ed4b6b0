"""Who may be told about users over HTTP.

web_token set                    whoever sends it, from wherever
no token, bound to loopback      whoever is on this machine
no token, bound elsewhere        nobody
"""

import hmac
import ipaddress

from pydantic import SecretStr

_SCHEME = "bearer"


class UserPageAccess:
    """Decides whether a request may be told about users.

    Args:
        token: What a caller must send; None: nothing.
        web_bind: The address that the pages listen on.
    """

    def __init__(self, token: SecretStr | None, web_bind: str) -> None:
        self._token = None if token is None else token.get_secret_value().encode()
        self.is_open = self._token is None and is_loopback(web_bind)
        self.is_closed = self._token is None and not self.is_open

    def allows(self, authorization: str | None) -> bool:
        """Return whether a request with this `Authorization` header may; its duration tells nothing of the token."""
        if self._token is None:
            return self.is_open
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
