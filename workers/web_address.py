"""Under which URL the group knows a worker, and whether its pages are there."""

import socket

from yarl import URL

# The URL of a worker that has a name (`group_instance_id`) and no address.
NAME_SCHEME = "worker"
EVERY_ADDRESS = ("", "0.0.0.0", "::", "[::]")  # noqa: S104 - nothing is bound


def canonical_url(*, web_url: str | None, name: str | None, host: str, port: int) -> URL:
    """Return the URL by which the group knows a worker.

    A part of an assignment, which a worker that comes back under its name gets again: it has to be the same one then,
    and an address may have changed.

    Args:
        web_url: Where its pages are, as the operator says.
        name: Its name in the group, kept over restarts.
        host: What its pages are bound to.
        port: Likewise.
    """
    if web_url is not None:
        return URL(web_url)
    if name is not None:
        return URL(f"{NAME_SCHEME}://{name}")
    if host in EVERY_ADDRESS:
        host = socket.gethostname()
    return URL.build(scheme="http", host=host.strip("[]"), port=port)


def is_address(url: str) -> bool:
    """Return whether pages can be there: not where a worker has only a name, or listens everywhere on any port."""
    found = URL(url)
    return found.scheme in ("http", "https") and bool(found.port) and found.host not in EVERY_ADDRESS
