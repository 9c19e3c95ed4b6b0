"""Real users replayed beside those at the browsers, at a rate that can be changed while it runs.

An open loop: what is due is sent whether or not a worker keeps up, so that a worker that lags shows it. When the clicks
are through they begin again, by users of new names: a second time through the same state would not be their history.
"""

import itertools
import time
from collections.abc import Iterator
from threading import Event, Thread
from types import TracebackType
from typing import Self

import msgspec
import polars as pl

from nextclick.record_sending import RecordSender, RecordToSend, click_producer
from nextclick.replaying import ClickMessage, click_messages
from workers.settings import Settings

MOST_CLICKS_PER_S = 1_000
# Who is further behind than this starts afresh: a rate that the machine cannot give must not be owed for ever.
MOST_BEHIND_S = 1.0
POLL_S = 0.05


class Crowd:
    """Replays clicks while its `with` block runs.

    Args:
        clicks: In order of time.
        dataset: Begins the event ids.
        settings: They name the broker and the click topic.
        clicks_per_s: The rate at first; 0: nobody clicks.
    """

    def __init__(self, clicks: pl.DataFrame, dataset: str, settings: Settings, clicks_per_s: float) -> None:
        self._clicks = clicks
        self._dataset = dataset
        self._settings = settings
        self._stop = Event()
        self._thread = Thread(target=self._replay, name="crowd", daemon=True)
        self.clicks_per_s = min(clicks_per_s, MOST_CLICKS_PER_S)
        self.users = clicks["user_id"].n_unique()
        self.failure: str | None = None

    def __enter__(self) -> Self:
        producer = click_producer(self._settings.bootstrap_servers, self._settings.kafka_security)
        self._sender = RecordSender(producer, self._settings.clicks_topic, self._stop)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._sender.producer.close()

    @property
    def sent(self) -> int:
        """Clicks sent so far."""
        return self._sender.sent

    def set_rate(self, clicks_per_s: float) -> float:
        """Change the rate, within its bounds; return what it is now."""
        self.clicks_per_s = min(max(0.0, clicks_per_s), MOST_CLICKS_PER_S)
        return self.clicks_per_s

    def _replay(self) -> None:
        encode = msgspec.json.Encoder().encode
        due_s = time.monotonic()
        for message in self._messages():
            while not self.clicks_per_s and not self._stop.wait(POLL_S):
                due_s = time.monotonic()
            rate = self.clicks_per_s or MOST_CLICKS_PER_S
            due_s = max(due_s + 1 / rate, time.monotonic() - MOST_BEHIND_S)
            if self._stop.wait(max(0.0, due_s - time.monotonic())):
                return
            if not self._sender.send(RecordToSend(message.user_id.encode(), encode(message))):
                self.failure = self._sender.first_failure
                return

    def _messages(self) -> Iterator[ClickMessage]:
        for turn in itertools.count(1):
            suffix = "" if turn == 1 else f"~{turn}"
            named = self._clicks.with_columns(pl.col("user_id", "session_id") + suffix)
            yield from click_messages(named, f"{self._dataset}{suffix}")
