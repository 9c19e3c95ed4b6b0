"""The sender's own rules: which ids it numbers by, what it gives up, and what it relies on inside aiokafka."""

import asyncio
import inspect
from typing import cast

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import MessageAccumulator, MessageBatch
from aiokafka.producer.producer import AIOKafkaProducer as Producer
from aiokafka.producer.sender import Sender, SendProduceReqHandler
from structlog.testing import capture_logs

from models.errors import BrokerError
from nextclick.embedded_broker import EmbeddedBroker, find_binary
from tests.workers.test_record_batches import AWAY_S, record, started_writer, take_away, topic, written
from workers.batch_sender import BatchSender
from workers.ports import BatchAbandoned
from workers.record_batches import RecordBatchWriter

__all__ = ["topic"]  # a fixture


def producer_id(writer: RecordBatchWriter) -> int | None:
    numbers = cast(AIOKafkaProducer, writer._producer)._sender._txn_manager
    return None if numbers is None else int(numbers.producer_id)


def test_what_waits_in_the_queue_is_let_go_as_well(broker: str, topic: str) -> None:
    """Nothing of three sends arrives, and the numbers of what comes next have no gap."""

    async def write() -> int:
        async with started_writer(broker, request_timeout_s=30) as writer:
            bring_back = take_away(writer)
            sends = [asyncio.ensure_future(writer.send([record(topic, value)])) for value in (b"1", b"2", b"3")]
            await asyncio.sleep(AWAY_S)
            writer.let_go()
            for send in sends:
                with pytest.raises(BatchAbandoned):
                    await asyncio.wait_for(await send, 2.0)
            bring_back()
            return (await (await writer.send([record(topic, b"new")])))[topic, 0]

    assert asyncio.run(write()) == 0
    assert written(broker, topic, 1) == [b"new"]


def test_what_waits_behind_a_batch_that_is_given_up_is_given_up_too(broker: str, topic: str) -> None:
    """The second is sent a second later, and would have had its time; what is sent after both have failed arrives."""

    async def write() -> None:
        async with started_writer(broker, request_timeout_s=2) as writer:
            bring_back = take_away(writer)
            older = asyncio.ensure_future(writer.send([record(topic, b"1")]))
            await asyncio.sleep(1.0)
            younger = asyncio.ensure_future(writer.send([record(topic, b"2")]))
            with pytest.raises(BrokerError):
                await (await older)
            bring_back()
            with pytest.raises(BrokerError):
                await (await younger)
            await (await writer.send([record(topic, b"new")]))

    asyncio.run(write())
    assert written(broker, topic, 1) == [b"new"]


@pytest.mark.kafka
def test_a_batch_that_was_given_up_costs_the_id_and_no_other_batch(kafka: str, topic: str) -> None:
    """Its number is missing at the broker, which would refuse what follows under the same id."""

    async def ids() -> tuple[int | None, ...]:
        async with started_writer(kafka, request_timeout_s=30) as writer:
            await (await writer.send([record(topic, b"1")]))
            first = producer_id(writer)
            bring_back = take_away(writer)
            abandoned = await writer.send([record(topic, b"2")])
            await asyncio.sleep(AWAY_S)
            writer.let_go()
            with pytest.raises(BatchAbandoned):
                await abandoned
            bring_back()
            await (await writer.send([record(topic, b"3")]))
            second = producer_id(writer)
            await (await writer.send([record(topic, b"4")]))
            return first, second, producer_id(writer)

    first, second, third = asyncio.run(ids())
    assert first != second == third
    assert written(kafka, topic, 3) == [b"1", b"3", b"4"]


@pytest.mark.kafka
def test_one_id_serves_as_long_as_nothing_is_given_up(kafka: str, topic: str) -> None:
    """A broker that is away for a while changes nothing."""

    async def ids() -> tuple[int | None, ...]:
        async with started_writer(kafka, request_timeout_s=30) as writer:
            before = producer_id(writer)
            bring_back = take_away(writer)
            waiting = await writer.send([record(topic, b"1")])
            await asyncio.sleep(AWAY_S)
            bring_back()
            await waiting
            return before, producer_id(writer)

    before, after = asyncio.run(ids())
    assert before is not None
    assert after == before


def test_a_broker_that_gives_out_no_ids_is_written_to_without() -> None:
    """The embedded one: it refuses, the log says what that costs."""
    try:
        find_binary()
    except BrokerError as error:
        pytest.skip(str(error))

    async def write(servers: str) -> None:
        async with started_writer(servers, request_timeout_s=10) as writer:
            assert producer_id(writer) is None

    with EmbeddedBroker() as embedded, capture_logs() as lines:
        asyncio.run(write(embedded.bootstrap_servers))
    assert [line["event"] for line in lines if "producer ids" in line["event"]] == [
        "The broker gives out no producer ids: a write that was given up and arrives late is written again"
    ]


def test_what_is_overridden_is_there_and_takes_the_same() -> None:
    """A method that aiokafka renamed would simply no longer be called."""
    for name in ("start", "_maybe_wait_for_pid", "_do_init_pid", "_send_produce_req"):
        ours, theirs = (inspect.signature(getattr(kind, name)) for kind in (BatchSender, Sender))
        assert list(ours.parameters) == list(theirs.parameters), name
    assert "_can_retry" in inspect.getsource(SendProduceReqHandler.do)
    assert "self._can_retry(error(), batch)" in inspect.getsource(SendProduceReqHandler.handle_response)


def test_batches_are_numbered_right_after_the_wait_for_an_id() -> None:
    """What `_give_up_expired` leaves in the queues is numbered before anything else can happen."""
    routine = inspect.getsource(Sender._sender_routine)
    between = routine[routine.index("await self._maybe_wait_for_pid()") : routine.index("drain_by_nodes(")]
    assert between.count("await ") == 1
    sent = inspect.getsource(Sender._send_produce_req)
    for step in ("await handler.do(node_id)", "self._in_flight.remove(node_id)", "self._muted_partitions.remove(tp)"):
        assert step in sent


def test_the_attributes_are_there() -> None:
    """Those that are read or set on the library's objects."""
    sources = "".join(inspect.getsource(kind.__init__) for kind in (MessageAccumulator, MessageBatch, Producer))
    for name in ("_batches", "_pending_batches", "_txn_manager", "_batch_ttl", "_ttl", "_drain_waiter", "_sender"):
        assert f"self.{name} = " in sources
    popped = inspect.getsource(MessageAccumulator._pop_batch)
    assert "not_retry = batch.retry_count == 0" in popped
    assert "self._pending_batches.remove(batch)" in popped
