"""Asks another worker for a page, and hands its answer on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

# On a request from another worker, which is not asked on: while partitions move two workers may each take the other for
# the owner.
FORWARDED_HEADER = "Nextclick-Forwarded"
FORWARD_TIMEOUT_S = 5.0
# What the caller is told of the other worker's headers.
HANDED_ON = ("Cache-Control", "Retry-After", "WWW-Authenticate")


class NoAnswer(Exception):  # noqa: N818 - not an error of this worker: the caller is told
    """Another worker does not answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class OtherWorkers:
    """Asks other workers over HTTP.

    Args:
        session: Returns the client; asked for on the event loop, at the first question.
    """

    def __init__(self, session: Callable[[], aiohttp.ClientSession]) -> None:
        self._session = session

    async def ask(self, url: URL, authorization: str | None) -> Answer:
        """Return another worker's answer.

        Raises:
            NoAnswer: If it gives none within `FORWARD_TIMEOUT_S`.
        """
        headers = {FORWARDED_HEADER: "1"} | ({} if authorization is None else {"Authorization": authorization})
        try:
            # Followed nowhere: the token is for workers.
            async with self._session().get(
                url, headers=headers, allow_redirects=False, timeout=aiohttp.ClientTimeout(total=FORWARD_TIMEOUT_S)
            ) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NoAnswer(repr(error)) from error
        kept = {name: response.headers[name] for name in HANDED_ON if name in response.headers}
        return Answer(response.status, body, response.content_type, kept)
