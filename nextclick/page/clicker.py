"""Clicks of the people at the browsers, and poison, sent to the click topic one by one."""

import asyncio
import time
from types import TracebackType
from typing import Self

import msgspec
from kafka.errors import KafkaError

from models.errors import BrokerError
from nextclick.record_sending import DELIVERY_TIMEOUT_MS, click_producer
from nextclick.replaying import ClickMessage
from workers.kafka_admin import first_sentence
from workers.settings import Settings


class Clicker:
    """Sends single records and waits for their acknowledgement; for use on an event loop.

    Args:
        settings: They name the broker and the click topic.

    Raises:
        BrokerError: On entering, if no broker answers.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __enter__(self) -> Self:
        # Nobody's click waits for others of its batch.
        self._producer = click_producer(self._settings.bootstrap_servers, self._settings.kafka_security, linger_ms=0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._producer.close()

    async def click(self, click: ClickMessage) -> None:
        """Send a click, its record's timestamp that of the click itself.

        Raises:
            BrokerError: If it is not acknowledged.
        """
        await asyncio.to_thread(self._send, click.user_id.encode(), msgspec.json.encode(click), click.timestamp_ms)

    async def poison(self, key: bytes, value: bytes | None) -> None:
        """Send a record that is no click.

        Raises:
            BrokerError: If it is not acknowledged.
        """
        await asyncio.to_thread(self._send, key, value, time.time_ns() // 1_000_000)

    def _send(self, key: bytes, value: bytes | None, timestamp_ms: int) -> None:
        try:
            future = self._producer.send(self._settings.clicks_topic, value, key=key, timestamp_ms=timestamp_ms)
            future.get(DELIVERY_TIMEOUT_MS / 1000)
        except KafkaError as error:
            raise BrokerError(f"The broker did not take the record: {first_sentence(error)}.") from error
