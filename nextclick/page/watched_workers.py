"""Workers that somebody else runs: watched at their address, never touched."""

import asyncio
import socket
from urllib.parse import urlsplit

import aiohttp

from nextclick.page.counters import CounterSums
from nextclick.page.messages import WorkerView
from nextclick.page.worker_pages import WorkerReading, read_user_list, read_worker
from nextclick.page.worker_slots import SlotState, worker_view

TEND_S = 1.0
WEB_PORT = 6066


class WatchedWorkers:
    """Every worker behind one name: a name of several addresses, as a scaled compose service has, is several workers.

    Args:
        url: `http://host:port` of their pages.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or WEB_PORT
        self._readings: dict[str, WorkerReading] = {}
        self.counters = CounterSums()
        self.are_ours = False
        self.tend_s = TEND_S

    @property
    def is_ready(self) -> bool:
        """Whether any of them is ready."""
        return any(reading.is_ready for reading in self._readings.values())

    async def tend(self, session: aiohttp.ClientSession) -> None:
        """Hear what they say."""
        urls = await self._urls()
        readings = await asyncio.gather(*(read_worker(session, url) for url in urls))
        # One that was there and is not any more stays on the page, gone.
        self._readings = dict.fromkeys(self._readings, WorkerReading()) | dict(zip(urls, readings, strict=True))
        for url, reading in self._readings.items():
            self.counters.take(url, reading.samples)

    def views(self) -> tuple[WorkerView, ...]:
        """Return them as they can be seen now."""
        return tuple(_view(url, reading) for url, reading in self._readings.items())

    async def user_list(self, session: aiohttp.ClientSession, user_id: str) -> bytes | None:
        """Return a user's list from the first worker that answers."""
        for url, reading in self._readings.items():
            if reading.is_ready and (body := await read_user_list(session, url, user_id)) is not None:
                return body
        return None

    async def _urls(self) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(self._host, self._port, family=socket.AF_INET, type=socket.SOCK_STREAM)
        except OSError:
            return []
        return sorted({f"http://{address[0]!s}:{self._port}" for *_, address in found})


def _view(url: str, reading: WorkerReading) -> WorkerView:
    if not reading.answers:
        state, detail = SlotState.GONE, "it does not answer"
    else:
        state, detail = (SlotState.READY, "") if reading.is_ready else (SlotState.NOT_READY, reading.waits_for)
    return worker_view(url.removeprefix("http://"), state, reading, detail=detail, lives=1)
