"""Server-sent events: each browser's stream, and what is said to one user or to all."""

import asyncio
from dataclasses import dataclass, field

from nextclick.page.messages import Message, encode_message

# A browser that has not read this many messages has gone to sleep: it is let go, and comes back by itself.
MOST_UNREAD = 200


@dataclass(eq=False)
class Stream:
    """What waits to be sent to one browser.

    Attributes:
        user_id: Who it is.
        unread: Encoded messages; None ends the stream.
    """

    user_id: str
    unread: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(MOST_UNREAD + 1))

    def put(self, message: Message) -> None:
        """Add a message; where the browser does not read, end the stream."""
        if self.unread.qsize() >= MOST_UNREAD:
            self.end()
        else:
            self.unread.put_nowait(b"data: " + encode_message(message) + b"\n\n")

    def end(self) -> None:
        """End the stream; what waited is dropped."""
        while not self.unread.empty():
            self.unread.get_nowait()
        self.unread.put_nowait(None)


class Streams:
    """All browsers; used on the event loop alone."""

    def __init__(self) -> None:
        self._open: set[Stream] = set()

    def open(self, user_id: str) -> Stream:
        """Return a new browser's stream."""
        stream = Stream(user_id)
        self._open.add(stream)
        return stream

    def close(self, stream: Stream) -> None:
        """Forget a browser."""
        self._open.discard(stream)

    def end_all(self) -> None:
        """End every stream."""
        for stream in self._open:
            stream.end()

    @property
    def user_ids(self) -> set[str]:
        """Everybody whose browser listens."""
        return {stream.user_id for stream in self._open}

    def tell(self, message: Message, user_id: str | None = None) -> None:
        """Send a message to one user's browsers, or to all."""
        for stream in list(self._open):
            if user_id is None or stream.user_id == user_id:
                stream.put(message)
