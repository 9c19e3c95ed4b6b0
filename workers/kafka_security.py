"""How every Kafka client of ours talks to the brokers: plain, TLS, SASL."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from models.errors import SettingsError

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


@dataclass(frozen=True)
class KafkaSecurity:
    """Protocol and credentials; the password is never printed."""

    protocol: SecurityProtocol = "PLAINTEXT"
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    mechanism: SaslMechanism | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.protocol.startswith("SASL") and not (self.mechanism and self.username and self.password):
            raise SettingsError(
                f"security_protocol={self.protocol} needs sasl_mechanism, sasl_username and sasl_password."
            )
        if not self.protocol.startswith("SASL") and (self.mechanism or self.username or self.password):
            raise SettingsError(
                f"security_protocol={self.protocol} does not log in, yet a sasl_* setting is given: "
                "set it to SASL_SSL or SASL_PLAINTEXT, or leave the sasl_* settings out."
            )

        if (self.cert_file or self.key_file) and not self.protocol.endswith("SSL"):
            raise SettingsError(
                f"security_protocol={self.protocol} does not use TLS, yet ssl_cert_file or ssl_key_file is given: "
                "set it to SSL or SASL_SSL, or leave them out."
            )
        if self.key_file and not self.cert_file:
            raise SettingsError("ssl_key_file is given without ssl_cert_file: name the certificate that it belongs to.")

    @property
    def ssl_context(self) -> ssl.SSLContext | None:
        """Verify the broker against `ca_file`, or the system's authorities; None without TLS."""
        if not self.protocol.endswith("SSL"):
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise SettingsError(f"ssl_ca_file={self.ca_file} cannot be read as certificates: {error}.") from error
        if self.cert_file is not None:
            self._show_certificate(context)
        return context

    def _show_certificate(self, context: ssl.SSLContext) -> None:
        """Let the broker know who we are; the key may lie in the certificate's file."""
        try:
            # An empty password, or a key that has one would ask for it at the terminal.
            context.load_cert_chain(str(self.cert_file), self.key_file, password="")
        except (OSError, ValueError) as error:
            key = "" if self.key_file is None else f" and ssl_key_file={self.key_file}"
            raise SettingsError(
                f"ssl_cert_file={self.cert_file}{key} cannot be read as a certificate and its key, "
                f"PEM and without a password: {error}."
            ) from error

    def client_options(self) -> dict[str, object]:
        """Return the options that aiokafka and kafka-python have in common."""
        options: dict[str, object] = {"security_protocol": self.protocol}
        context = self.ssl_context
        if context is not None:
            options["ssl_context"] = context
        if self.mechanism is not None:
            options["sasl_mechanism"] = self.mechanism
            options["sasl_plain_username"] = self.username
            options["sasl_plain_password"] = self.password
        return options
