"""The lists of a replay, read in a thread of their own while the clicks are sent."""

import time
from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType
from typing import Self

from models.errors import BrokerError
from nextclick.published_lists import PublishedList, decode_list
from nextclick.topic_reading import TopicReader
from workers.settings import Settings

# No list for this long although some are missing: the worker is stuck, or has lost one.
STALL_TIMEOUT_S = 20.0
POLL_S = 0.02

OnList = Callable[[int, PublishedList, float], None]
"""Takes the number of the click, its first list, and when it had been read (`time.perf_counter`)."""


class ListReading:
    """Reads the lists that come while its `with` block runs; a list that is published again is only counted.

    Args:
        settings: They name the topic.
        event_prefix: Of the event ids, `PREFIX-NUMBER`: other lists are none of ours.
        on_list: Called in the reading thread.

    Raises:
        BrokerError: On entering, if the topic cannot be read.
    """

    def __init__(self, settings: Settings, event_prefix: str, on_list: OnList) -> None:
        self._settings = settings
        self._event_prefix = f"{event_prefix}-"
        self._on_list = on_list
        self._answered: set[int] = set()
        self._published_again = 0
        self._newest_s = time.perf_counter()
        self._failure: Exception | None = None
        self._stop = Event()
        self._thread = Thread(target=self._read, name="lists", daemon=True)

    def __enter__(self) -> Self:
        settings = self._settings
        self._reader = TopicReader(settings.bootstrap_servers, settings.recommendations_topic, settings.kafka_security)
        # The end before a click is sent: a fast worker's list must not be missed.
        self._reader.seek_to_end()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def received(self) -> int:
        """How many clicks have their list."""
        return len(self._answered)

    @property
    def published_again(self) -> int:
        """How many lists came once more: delivery is at least once."""
        return self._published_again

    @property
    def newest_s(self) -> float:
        """When the newest list had been read."""
        return self._newest_s

    def check(self) -> None:
        """Return if reading goes on.

        Raises:
            Exception: What ended it, in the thread.
        """
        if self._failure is not None:
            raise self._failure

    def wait_for(self, count: int, check_worker: Callable[[], None]) -> None:
        """Return once so many clicks have their list.

        Raises:
            BrokerError: If no list comes any more and some are missing.
            Exception: If reading failed, or what `check_worker` raises.
        """
        waiting_since_s = time.perf_counter()
        while self.received < count:
            self.check()
            check_worker()
            if time.perf_counter() - max(self._newest_s, waiting_since_s) > STALL_TIMEOUT_S:
                raise BrokerError(
                    f"{count - self.received:,} of {count:,} clicks have no list, and none has come for "
                    f"{STALL_TIMEOUT_S:.0f} s: the worker's log says what it did."
                )
            time.sleep(POLL_S)

    def _read(self) -> None:
        try:
            with self._reader as reader:
                while not self._stop.is_set():
                    records = reader.poll()
                    read_s = time.perf_counter()
                    for record in records:
                        self._take(decode_list(record), read_s)
        except Exception as failure:  # noqa: BLE001 - `check` raises it again, in the thread that can do something
            self._failure = failure

    def _take(self, published: PublishedList, read_s: float) -> None:
        event_id = published.event_id or ""
        if not event_id.startswith(self._event_prefix):
            return
        number = int(event_id.removeprefix(self._event_prefix))
        if number in self._answered:
            self._published_again += 1
            return
        self._on_list(number, published, read_s)
        self._newest_s = read_s
        self._answered.add(number)
