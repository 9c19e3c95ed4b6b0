"""How long no broker has answered the consumer: what tells an outage from a click topic where nothing happens.

Every answer counts, of any broker: a fetch, which the broker ends after `fetch_wait_ms` where nothing comes in, and a
heartbeat every few seconds, which a worker without partitions gets as well. Read from the client's connections, so it
costs nothing on the way of a click.
"""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, cast

from aiokafka.client import AIOKafkaClient

from workers.batch_consumer import batch_consumer
from workers.streaming_app import StreamingApp

if TYPE_CHECKING:
    from workers.transport import TransportConsumer

# A closed connection takes what it knew with it: what was heard in between is missed at most.
LOOK_INTERVAL_S = 1.0


class BrokerWatch:
    """When a broker last answered.

    Args:
        clock: That of the client's connections, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last_answer = clock()

    def silence_s(self, client: AIOKafkaClient | None) -> float:
        """Return how long ago the last answer came.

        Args:
            client: The consumer's; None: not made yet.
        """
        if client is not None:
            self._last_answer = max((self._last_answer, *_answers(client)))
        return max(0.0, self._clock() - self._last_answer)


def consumer_client(app: StreamingApp) -> AIOKafkaClient | None:
    """Return the client of the app's consumer; None before it is made."""
    consumer = cast("TransportConsumer", batch_consumer(app))._thread._consumer  # noqa: SLF001 - no other way to it
    return None if consumer is None else consumer._client  # noqa: SLF001


def _answers(client: AIOKafkaClient) -> Iterable[float]:
    # A copy: the consumer's thread opens and closes connections meanwhile. The client keeps one that has answered its
    # first request and no other, so a broker that takes connections and hangs is not counted.
    return [connection._last_action for connection in list(client._conns.values())]  # noqa: SLF001
