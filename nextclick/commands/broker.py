"""`nextclick broker`: the embedded broker in the foreground."""

from typing import Annotated

import typer


def broker(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port on 127.0.0.1.")] = 9092,
) -> None:
    """Run the embedded broker until Ctrl-C: a Kafka for a first look, with everything in memory.

    It is Tansu, from the extra `embedded` (Linux with glibc, macOS). It listens on loopback only, forgets everything
    when it ends, and knows no transactions: in production, use Apache Kafka.

    Example: `nextclick broker`, and in another terminal `nextclick topics create`.
    """
    from models.errors import BrokerError  # noqa: PLC0415
    from nextclick.embedded_broker import EmbeddedBroker  # noqa: PLC0415
    from nextclick.signals import stopped_by_signal  # noqa: PLC0415

    with stopped_by_signal(), EmbeddedBroker(port) as embedded:
        # Plain, and flushed at once: a script may read the address from a pipe.
        typer.echo(embedded.bootstrap_servers)
        typer.echo("The embedded broker is running, everything in memory. Ctrl-C ends it.", err=True)
        code = embedded.process.wait()
        raise BrokerError(f"The embedded broker ended by itself (exit code {code}): start it again.")
