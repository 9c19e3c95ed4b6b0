"""A topic read as it grows, in a thread of its own, for all browsers at once."""

import time
from collections.abc import Callable, Sequence
from threading import Event, Thread
from types import TracebackType
from typing import Self

from nextclick.topic_reading import FETCH_WAIT_MS, ConsumerRecord, TopicReader
from workers.settings import Settings

# For topics whose records nobody waits for: an idle reader costs some 300 us of a core a fetch.
QUIET_FETCH_WAIT_MS = 100

OnRecords = Callable[[Sequence[ConsumerRecord], float], None]
"""Takes records and when they had been read, in seconds since 1970: the clock of the records' timestamps."""


class TopicFeed:
    """Hands on what is written to a topic while its `with` block runs.

    Args:
        settings: They name the broker.
        topic: What to read.
        fetch_wait_ms: How long a broker may hold a fetch that finds nothing new.

    Raises:
        BrokerError: On entering, if the topic cannot be read.
    """

    def __init__(self, settings: Settings, topic: str, *, fetch_wait_ms: int = FETCH_WAIT_MS) -> None:
        self._settings = settings
        self._topic = topic
        self._fetch_wait_ms = fetch_wait_ms
        self._stop = Event()
        self._thread: Thread | None = None
        self.failure: Exception | None = None

    def __enter__(self) -> Self:
        settings = self._settings
        self._reader = TopicReader(
            settings.bootstrap_servers, self._topic, settings.kafka_security, fetch_wait_ms=self._fetch_wait_ms
        )
        self.starts = self._reader.seek_to_end()
        return self

    def start(self, on_records: OnRecords) -> None:
        """Begin to read, behind what was there on entering: `starts` says where.

        Args:
            on_records: Called in the feed's thread.
        """
        self._thread = Thread(target=self._read, args=(on_records,), name=f"feed of {self._topic}", daemon=True)
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._reader.__exit__(kind, error, traceback)

    def _read(self, on_records: OnRecords) -> None:
        try:
            while not self._stop.is_set():
                records = self._reader.poll()
                if records:
                    on_records(records, time.time())
        except Exception as failure:  # noqa: BLE001 - told on the page: a thread has nobody to raise it to
            self.failure = failure
