"""A network that delivers late: a relay in front of a broker that can hold back what its connections have sent.

A client that gives a request up closes its connection, and what it has sent stays on its way: a kernel goes on trying
for minutes, and delivers it when the line is back.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

CHUNK_BYTES = 1 << 16


class LateNetwork:
    """Connections to one broker, each of which can be held back.

    Args:
        host: The broker's.
        port: The broker's.
    """

    def __init__(self, host: str, port: int) -> None:
        self._broker = (host, port)
        self._open: list[_Connection] = []
        self._held: list[_Connection] = []

    @asynccontextmanager
    async def relay(self) -> AsyncIterator[int]:
        """Relay connections in the block; yields the port to connect to."""
        server = await asyncio.start_server(self._relay_one, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for connection in self._open:
                await connection.close()

    def hold(self) -> None:
        """Deliver nothing more of what the present connections send."""
        self._held = list(self._open)
        for connection in self._held:
            connection.may_deliver.clear()

    async def deliver(self) -> None:
        """Deliver what was held back, and wait until the broker has answered one of the connections."""
        for connection in self._held:
            connection.is_answered.clear()
            connection.may_deliver.set()
        answers = [asyncio.ensure_future(connection.is_answered.wait()) for connection in self._held]
        done, pending = await asyncio.wait(answers, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        for answer in pending:
            answer.cancel()
        assert done, "the broker has answered nothing that was held back"

    async def _relay_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_broker, to_broker = await asyncio.open_connection(*self._broker)
        connection = _Connection(reader, writer, from_broker, to_broker)
        self._open.append(connection)
        connection.start()


class _Connection:
    def __init__(
        self,
        from_client: asyncio.StreamReader,
        to_client: asyncio.StreamWriter,
        from_broker: asyncio.StreamReader,
        to_broker: asyncio.StreamWriter,
    ) -> None:
        self.may_deliver = asyncio.Event()
        self.may_deliver.set()
        self.is_answered = asyncio.Event()
        self._from_client, self._to_client = from_client, to_client
        self._from_broker, self._to_broker = from_broker, to_broker
        self._tasks: list[asyncio.Future[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.ensure_future(one) for one in (self._relay_requests(), self._relay_answers())]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        self._to_client.close()
        self._to_broker.close()

    async def _relay_requests(self) -> None:
        # The broker's side stays open when the client has gone: its answers are what `deliver` waits for.
        while sent := await self._from_client.read(CHUNK_BYTES):
            await self.may_deliver.wait()
            self._to_broker.write(sent)

    async def _relay_answers(self) -> None:
        while answer := await self._from_broker.read(CHUNK_BYTES):
            self.is_answered.set()
            if not self._to_client.is_closing():
                self._to_client.write(answer)
