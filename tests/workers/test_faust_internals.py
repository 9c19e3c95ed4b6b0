"""What nextclick relies on inside Faust, mode and aiokafka: a release that changed it fails here, not in a rebalance.

`workers/batch_consumer.py`, `workers/transport.py` and `workers/state_tables.py` override these or call them. Where a
test fails after an upgrade, read the new code beside ours first, then write down here what you have read.
"""

import inspect
from collections.abc import Callable, Iterable
from importlib.metadata import version

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from faust import App
from faust.assignor.partition_assignor import PartitionAssignor
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer, ConsumerThread, ThreadDelegateConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.transport.drivers.aiokafka import Consumer as AIOKafkaTransportConsumer
from faust.web.drivers.aiohttp import Web
from mode import Service
from mode.threads import ServiceThread

from workers.batch_consumer import BatchConsumer
from workers.state_tables import StateRecovery, StateTableManager
from workers.transport import BatchConsumerThread

# Releases whose code was read.
READ_RELEASES = {"faust-streaming": "0.15.3", "aiokafka": "0.14", "mode-streaming": "0.7"}


def parameters(function: Callable[..., object]) -> list[str]:
    """The names of a function's parameters."""
    return list(inspect.signature(function).parameters)


def overridden(ours: type, theirs: Iterable[type]) -> list[tuple[str, Callable[..., object], Callable[..., object]]]:
    """Every function of ours that replaces one of theirs."""
    return [
        (name, function, getattr(base, name))
        for base in theirs
        for name, function in vars(ours).items()
        if inspect.isfunction(function) and name in vars(base) and name != "__init__"
    ]


@pytest.mark.parametrize(("package", "release"), READ_RELEASES.items())
def test_the_releases_are_those_whose_code_was_read(package: str, release: str) -> None:
    """Tests against brokers see few of the moments in which a rebalance can come."""
    assert f"{version(package)}.".startswith(f"{release}.")


@pytest.mark.parametrize(
    ("ours", "theirs", "names"),
    [
        (
            BatchConsumer,
            (Consumer, ThreadDelegateConsumer, AIOKafkaTransportConsumer),
            {
                "_drain_messages",
                "perform_seek",
                "seek",
                "seek_wait",
                "wait_empty",
                "force_commit",
                "on_partitions_revoked",
            },
        ),
        (
            BatchConsumerThread,
            (AIOKafkaConsumerThread, ConsumerThread, ServiceThread),
            {
                "_create_worker_consumer",
                "_highwaters",
                "on_partitions_revoked",
                "on_partitions_assigned",
                "_stopped_set",
            },
        ),
        (
            StateRecovery,
            (Recovery,),
            {
                "on_rebalance",
                "add_active",
                "add_standby",
                "on_partitions_revoked",
                "on_recovery_completed",
                "on_stop",
                "_wait",
            },
        ),
    ],
)
def test_what_is_overridden_is_there_and_takes_the_same(ours: type, theirs: tuple[type, ...], names: set[str]) -> None:
    """A method that Faust renamed would simply no longer be called."""
    pairs = overridden(ours, theirs)
    assert names <= {name for name, _, _ in pairs}
    for name, function, original in pairs:
        assert parameters(function) == parameters(original), name


def test_the_recovery_is_the_table_managers() -> None:
    """`TableManager.recovery` makes it at its first use, and keeps it in `_recovery`."""
    assert isinstance(vars(TableManager)["recovery"], property)
    assert vars(TableManager)["_recovery"] is None
    assert issubclass(StateTableManager, TableManager)
    conf = App("internals", broker="kafka://127.0.0.1:1", TableManager=StateTableManager).conf
    assert conf.TableManager == StateTableManager  # type: ignore[comparison-overlap]  # a class, for Faust's type a name


def test_the_restore_comes_between_recovery_and_clicks() -> None:
    """Faust waits for `on_recovery_completed`, in which the clicks are resumed, and begins anew on `RebalanceAgain`."""
    steps = inspect.getsource(Recovery._restart_recovery.fun)
    assert "await self._wait(T(self.on_recovery_completed)(generation_id))" in steps
    assert "except RebalanceAgain" in steps
    resumed = inspect.getsource(Recovery.on_recovery_completed)
    assert resumed.index("on_rebalance_complete.send()") < resumed.index("consumer.resume_partitions(")
    assigned = inspect.getsource(Recovery.on_rebalance)
    assert assigned.index("self.add_active(table, tp)") < assigned.index("self.signal_recovery_start.set()")


def test_partitions_are_let_go_before_the_store_closes_them() -> None:
    """`Recovery.on_partitions_revoked` is called when a rebalance begins and when the worker stops."""
    assert "self.tables.on_partitions_revoked)(revoked)" in inspect.getsource(App._on_partitions_revoked)
    assert "self.tables.on_partitions_revoked(assignment)" in inspect.getsource(App._stop_consumer)
    assert "self.recovery.on_partitions_revoked)(revoked)" in inspect.getsource(TableManager.on_partitions_revoked)


def test_a_member_is_told_before_it_joins_again() -> None:
    """A name that another worker has taken is found out there, and only a cancellation stops the client."""
    steps = inspect.getsource(GroupCoordinator.ensure_active_group)
    assert steps.index("self._on_join_prepare(prev_assignment)") < steps.index("self._do_rejoin_group(subscription)")
    told = inspect.getsource(GroupCoordinator._on_join_prepare)
    assert "listener.on_partitions_revoked(revoked)" in told
    assert "except Exception:" in told
    assert "if self.generation > 0 and self._group_instance_id is None" in inspect.getsource(
        GroupCoordinator._maybe_leave_group
    )
    source = inspect.getsource(GroupCoordinator.__init__)
    for name in ("_coordination_task", "_pending_exception", "member_id"):
        assert f"self.{name} = " in source + inspect.getsource(GroupCoordinator._push_error_to_user)


def test_a_task_that_raises_crashes_its_service() -> None:
    """What a restore or a follower raises ends the worker."""
    assert "await self.crash(exc)" in inspect.getsource(Service._execute_task)
    assert "self._execute_task(coro)" in inspect.getsource(Service.add_future)


def test_the_clients_attributes_are_there() -> None:
    """Those that are read or set on Faust's consumer and on aiokafka's."""
    source = inspect.getsource(AIOKafkaConsumer.__init__)
    for name in ("_fetch_max_wait_ms", "_isolation_level", "_max_poll_records", "_coordinator", "_subscription"):
        assert f"self.{name} = " in source
    for name in ("highwater", "last_poll_timestamp", "position", "end_offsets", "beginning_offsets", "getmany"):
        assert callable(getattr(AIOKafkaConsumer, name))
    reset = inspect.getsource(Consumer._reset_state) + inspect.getsource(Consumer.__init__)
    for name in ("_active_partitions", "_buffered_partitions", "_paused_partitions", "_read_offset", "flow_active"):
        assert f"self.{name} = " in reset
    assert callable(SubscriptionState.fetch_context)
    assert callable(Fetcher.fetched_records)


def test_members_are_told_where_each_others_states_are() -> None:
    """By their canonical URLs, the changelog's partitions that each owns; standbys are not among them."""
    told = inspect.getsource(PartitionAssignor._get_changelog_distribution)
    assert "self._member_urls[client]: self._topics_filtered(assignment.actives, topics)" in told
    assert "return self.changelog_distribution" in inspect.getsource(PartitionAssignor.tables_metadata)
    assert "return self.app.conf.canonical_url" in inspect.getsource(vars(PartitionAssignor)["_url"].fget)


def test_requests_are_not_logged() -> None:
    """Users' ids are in their paths."""
    assert "AppRunner(self.web_app, access_log=None)" in inspect.getsource(Web.__init__)
