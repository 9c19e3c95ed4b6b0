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

    @property
    def ssl_context(self) -> ssl.SSLContext | None:
        """Verify the broker against `ca_file`, or the system's authorities; None without TLS."""
        if not self.protocol.endswith("SSL"):
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise SettingsError(f"ssl_ca_file={self.ca_file} cannot be read as certificates: {error}.") from error

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
