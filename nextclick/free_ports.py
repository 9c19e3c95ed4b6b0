"""Free ports on loopback, for the brokers and workers that we start ourselves."""

import socket

HOST = "127.0.0.1"


def free_port() -> int:
    """Return a port of loopback that nothing listens on just now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
