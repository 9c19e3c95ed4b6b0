"""Why a broker does not take a connection, in a sentence that names the setting to look at.

kafka-python raises the same timeout whatever is wrong, and logs what it saw: that is read here. A test against a real
listener holds every one of these readings up against the library; what is not recognised gets no sentence.
"""

import logging
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from workers.kafka_security import KafkaSecurity

_LIBRARY = "kafka"
_CLIENT_CERTIFICATE_ALERTS = ("ALERT_BAD_CERTIFICATE", "ALERT_CERTIFICATE_REQUIRED", "ALERT_UNKNOWN_CA")


class _Listener(logging.Handler):
    """Keeps what the library says."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.complaints: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.complaints.append(record.getMessage())


@contextmanager
def library_complaints() -> Iterator[list[str]]:
    """Collect what kafka-python complains of inside the block."""
    listener = _Listener()
    logger = logging.getLogger(_LIBRARY)
    logger.addHandler(listener)
    try:
        yield listener.complaints
    finally:
        logger.removeHandler(listener)


def why_refused(
    security: KafkaSecurity, complaints: Sequence[str], addresses: Sequence[tuple[str, int]], timeout_s: float
) -> str | None:
    """Return what is wrong and what to do; None where nothing tells.

    Args:
        security: How the connection was tried.
        complaints: What the library said of it.
        addresses: Where, to see whether TLS is spoken there.
        timeout_s: How long each may take to say so.
    """
    said = " ".join(complaints)
    with_tls, with_login = security.protocol.endswith("SSL"), security.protocol.startswith("SASL")
    if with_tls:
        tls = _why_tls_failed(security, said)
        if tls is not None:
            return tls
    elif any(_speaks_tls(address, timeout_s) for address in addresses):
        protocol = "SASL_SSL" if with_login else "SSL"
        return f"it speaks TLS at this port, this client does not: set NEXTCLICK_SECURITY_PROTOCOL={protocol}."
    if with_login:
        if "IllegalSaslState" in said:
            return "it takes no login at this port: check the port and NEXTCLICK_SECURITY_PROTOCOL."
        return (
            f"it does not take the login of {security.username!r} with {security.mechanism}: check "
            "NEXTCLICK_SASL_USERNAME, NEXTCLICK_SASL_PASSWORD and NEXTCLICK_SASL_MECHANISM."
        )
    if "socket disconnected" in said:
        return "it closes the connection, as one that asks for a login does: check NEXTCLICK_SECURITY_PROTOCOL."
    return None


def _why_tls_failed(security: KafkaSecurity, said: str) -> str | None:
    if "CERTIFICATE_VERIFY_FAILED" in said:
        authorities = "the system's authorities" if security.ca_file is None else f"ssl_ca_file={security.ca_file}"
        reason = said.partition("certificate verify failed: ")[2].partition(" (_ssl")[0]
        return (
            f"{authorities} cannot vouch for its certificate ({reason}): name who signed it with NEXTCLICK_SSL_CA_FILE."
        )
    if any(alert in said for alert in _CLIENT_CERTIFICATE_ALERTS):
        return (
            "it asks for a client certificate that it trusts: name one with NEXTCLICK_SSL_CERT_FILE and "
            "NEXTCLICK_SSL_KEY_FILE."
        )
    if "Handshake failed" in said:
        return "it does not speak TLS at this port: check the port and NEXTCLICK_SECURITY_PROTOCOL."
    return None


def _speaks_tls(address: tuple[str, int], timeout_s: float) -> bool:
    """Try a handshake; nothing is sent, so nobody need be verified."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection(address, timeout_s) as plain, context.wrap_socket(plain):
            return True
    except OSError:
        return False
