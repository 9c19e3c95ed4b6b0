"""A broker's silence, read from the connections of a real client."""

import asyncio
import inspect
import socket
from typing import cast

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaError

from workers.broker_watch import BrokerWatch


class Clock:
    """Time that a test moves."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        """Return it."""
        return self.now_s


class Connection:
    """What the client keeps of a broker."""

    def __init__(self, last_answer: float) -> None:
        self._last_action = last_answer


class Client:
    """A client with a connection to each of the brokers that answered last at these times."""

    def __init__(self, *last_answers: float) -> None:
        self._conns = {(number, 0): Connection(last) for number, last in enumerate(last_answers)}


def client_with(*last_answers: float) -> AIOKafkaClient:
    """The same, for a type checker: a real one needs an event loop."""
    return cast(AIOKafkaClient, Client(*last_answers))


def test_the_newest_answer_of_any_broker_counts() -> None:
    clock = Clock(100.0)
    watch = BrokerWatch(clock)
    clock.now_s = 130.0
    assert watch.silence_s(None) == 30.0
    assert watch.silence_s(client_with(90.0, 125.0, 110.0)) == 5.0


def test_what_a_closed_connection_said_is_remembered() -> None:
    clock = Clock(100.0)
    watch = BrokerWatch(clock)
    clock.now_s = 110.0
    assert watch.silence_s(client_with(109.0)) == 1.0
    assert watch.silence_s(client_with()) == 1.0
    clock.now_s = 121.0
    assert watch.silence_s(client_with()) == 12.0


def test_a_live_broker_is_heard(broker: str) -> None:
    asyncio.run(_hear_a_live_broker(broker))


async def _hear_a_live_broker(broker: str) -> None:
    watch = BrokerWatch()
    consumer = AIOKafkaConsumer(bootstrap_servers=broker)
    await consumer.start()
    try:
        await asyncio.sleep(0.3)
        assert watch.silence_s(consumer._client) >= 0.2
        await consumer._client.fetch_all_metadata()
        assert watch.silence_s(consumer._client) < 0.2
    finally:
        await consumer.stop()


def test_a_broker_that_takes_connections_and_hangs_is_not_heard() -> None:
    asyncio.run(_listen_to_a_broker_that_hangs())


async def _listen_to_a_broker_that_hangs() -> None:
    watch = BrokerWatch()
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = AIOKafkaClient(bootstrap_servers=f"127.0.0.1:{server.getsockname()[1]}", request_timeout_ms=300)
        with pytest.raises(KafkaError):
            await client.bootstrap()
        assert watch.silence_s(client) >= 0.3
        await client.close()


def test_the_client_notes_when_an_answer_came() -> None:
    """Nowhere else than when the connection is made, which is not kept before its first answer."""
    assert "self._last_action = time.monotonic()" in inspect.getsource(AIOKafkaConnection._handle_frame)
    assert inspect.getsource(AIOKafkaConnection).count("self._last_action = ") == 2
    assert "self._conns[conn_id] = await create_conn(" in inspect.getsource(AIOKafkaClient._get_conn)
