import ssl
from pathlib import Path

import pytest

from models.errors import SettingsError
from workers.kafka_security import KafkaSecurity, SaslMechanism, SecurityProtocol


def make_login(protocol: SecurityProtocol, *, mechanism: SaslMechanism | None = "PLAIN") -> KafkaSecurity:
    """Security with a name and a password."""
    return KafkaSecurity(protocol=protocol, mechanism=mechanism, username="worker", password="hunter2")  # noqa: S106


def test_the_default_is_plain() -> None:
    """No TLS, no login, no option that says otherwise."""
    assert KafkaSecurity().ssl_context is None
    assert KafkaSecurity().client_options() == {"security_protocol": "PLAINTEXT"}


def test_a_login_without_tls() -> None:
    """For brokers behind a tunnel."""
    assert make_login("SASL_PLAINTEXT").client_options() == {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "worker",
        "sasl_plain_password": "hunter2",
    }


@pytest.mark.parametrize("security", [KafkaSecurity(protocol="SSL"), make_login("SASL_SSL")], ids=["SSL", "SASL_SSL"])
def test_tls_verifies_the_broker(security: KafkaSecurity) -> None:
    """Certificate and name, against the system's authorities where no others are given."""
    context = security.client_options()["ssl_context"]
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_a_login_needs_all_three(protocol: SecurityProtocol) -> None:
    """Mechanism, name and password; the sentence does not print what is there."""
    with pytest.raises(SettingsError, match="needs sasl_mechanism, sasl_username and sasl_password") as raised:
        make_login(protocol, mechanism=None)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL"])
def test_a_login_that_would_not_be_used_is_refused(protocol: SecurityProtocol) -> None:
    """Some clients would log in, others not: the operator has to say which."""
    with pytest.raises(SettingsError, match=f"security_protocol={protocol} does not log in") as raised:
        make_login(protocol)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("content", [None, b"not a certificate"])
def test_authorities_that_cannot_be_read_are_refused(tmp_path: Path, content: bytes | None) -> None:
    """A missing file, and one of something else."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"ssl_ca_file=.*ca.pem cannot be read as certificates"):
        KafkaSecurity(protocol="SSL", ca_file=path).client_options()


def test_the_password_is_not_printed() -> None:
    """A dataclass prints its fields, this one not all."""
    assert "hunter2" not in repr(make_login("SASL_SSL"))


@pytest.mark.parametrize("content", [None, b"not a certificate"])
@pytest.mark.parametrize("with_key", [True, False])
def test_a_client_certificate_that_cannot_be_read_is_refused(
    tmp_path: Path, content: bytes | None, with_key: bool
) -> None:
    """A missing file, and one of something else; a key that has a password must not ask for it at a terminal."""
    path = tmp_path / "client.pem"
    if content is not None:
        path.write_bytes(content)
    security = KafkaSecurity(protocol="SSL", cert_file=path, key_file=path if with_key else None)
    with pytest.raises(
        SettingsError, match=r"ssl_cert_file=.*client.pem.* cannot be read as a certificate and its key"
    ):
        security.client_options()


def test_a_certificate_that_would_not_be_shown_is_refused(tmp_path: Path) -> None:
    """Without TLS there is nobody to show it to; a key belongs to a certificate."""
    with pytest.raises(SettingsError, match="security_protocol=PLAINTEXT does not use TLS"):
        KafkaSecurity(cert_file=tmp_path / "client.pem")
    with pytest.raises(SettingsError, match="ssl_key_file is given without ssl_cert_file"):
        KafkaSecurity(protocol="SSL", key_file=tmp_path / "client.key")
