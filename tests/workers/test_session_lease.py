import asyncio
from typing import cast

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from faust.types import AppT

from workers.batch_in_flight import BatchInFlight
from workers.ports import BatchAbandoned
from workers.session_lease import SessionLease


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


class Coordinator:
    """Heartbeats that take two seconds and are answered as a test says.

    Args:
        clock: What they take their time from.
    """

    def __init__(self, clock: Clock) -> None:
        self.answers = True
        self._clock = clock

    async def _do_heartbeat(self) -> bool:
        self._clock.now += 2
        return self.answers


class App:
    """An app of one consumer generation."""

    consumer_generation_id = 1


def leased() -> tuple[SessionLease, Clock, Coordinator]:
    """A lease of ten seconds that has just begun."""
    clock = Clock()
    lease = SessionLease(10, clock)
    coordinator = Coordinator(clock)
    lease.joined(cast(GroupCoordinator, coordinator))
    return lease, clock, coordinator


def test_a_lease_lasts_a_session() -> None:
    """From joining, not a moment longer."""
    lease, clock, _ = leased()
    clock.now += 9.9
    assert lease.holds()
    clock.now += 0.1
    assert not lease.holds()
    assert not SessionLease(10, clock).holds()


def test_an_answered_heartbeat_renews_it_from_when_it_was_sent() -> None:
    """The broker may have counted from then on."""
    lease, clock, coordinator = leased()
    clock.now += 30
    assert asyncio.run(coordinator._do_heartbeat())
    clock.now += 7.9
    assert lease.holds()
    clock.now += 0.1
    assert not lease.holds()


def test_a_refused_heartbeat_renews_nothing() -> None:
    """The partitions may be somebody else's."""
    lease, clock, coordinator = leased()
    clock.now += 30
    coordinator.answers = False
    assert not asyncio.run(coordinator._do_heartbeat())
    assert not lease.holds()


def test_joining_again_watches_once() -> None:
    """A rebalance begins the lease anew."""
    lease, clock, coordinator = leased()
    clock.now += 30
    lease.joined(cast(GroupCoordinator, coordinator))
    assert lease.holds()
    asyncio.run(coordinator._do_heartbeat())
    assert clock.now == 132


def test_a_renamed_heartbeat_is_noticed() -> None:
    """A release of the library that has none must not leave the lease unwatched."""
    with pytest.raises(RuntimeError, match="_do_heartbeat"):
        SessionLease(10).joined(cast(GroupCoordinator, object()))
    assert hasattr(GroupCoordinator, "_do_heartbeat")


def test_a_batch_waits_for_a_heartbeat_where_the_lease_has_run_out() -> None:
    """It goes on where the worker is still a member, and is abandoned where a rebalance says that it is not."""

    async def wake_up(app: App, *, generation_after: int) -> bool:
        lease, clock, coordinator = leased()
        batch = BatchInFlight(cast(AppT, app), 1, lease)
        await batch.confirm({0})
        clock.now += 30
        confirming = asyncio.ensure_future(batch.confirm({0}))
        await asyncio.sleep(0.2)
        assert not confirming.done()
        app.consumer_generation_id = generation_after
        await coordinator._do_heartbeat()
        await confirming
        return True

    assert asyncio.run(wake_up(App(), generation_after=1))
    with pytest.raises(BatchAbandoned):
        asyncio.run(wake_up(App(), generation_after=2))
