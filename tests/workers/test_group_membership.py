"""Who may join again, and what ends a worker that may not."""

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import GroupAuthorizationFailedError

from models.errors import BrokerError
from workers.group_membership import GroupMembership
from workers.kafka_security import KafkaSecurity

FORGOTTEN = ""


def coordinator(member_id: str, *, error: Exception | None = None) -> GroupCoordinator:
    """The client library's side of a membership."""
    running = SimpleNamespace(done=lambda: False)
    made = SimpleNamespace(member_id=member_id, _pending_exception=error, _coordination_task=running)
    return cast(GroupCoordinator, made)


def membership(
    monkeypatch: pytest.MonkeyPatch, *, name: str | None, holder: str | BrokerError | None
) -> GroupMembership:
    """A membership whose group says who has the name."""
    made = GroupMembership("shop", name, "127.0.0.1:1", KafkaSecurity())

    def answer() -> str | None:
        if isinstance(holder, BrokerError):
            raise holder
        return holder

    monkeypatch.setattr(made, "_holder_of_the_name", answer)
    return made


def may_join_again(made: GroupMembership, member_id: str) -> bool:
    """Ask before a rejoin."""
    return asyncio.run(made.may_join_again(coordinator(member_id)))


def test_a_worker_whose_name_another_has_taken_may_not_join_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would take the name back, and the other one would do the same."""
    made = membership(monkeypatch, name="one", holder="one-2")
    made.joined(coordinator("one-1"))
    made.check(coordinator("one-1"))
    assert not may_join_again(made, FORGOTTEN)
    with pytest.raises(BrokerError, match=r"group shop as group_instance_id=one.* a name of its own"):
        made.check(coordinator(FORGOTTEN))


@pytest.mark.parametrize("holder", [None, "one-1", BrokerError("No broker answers.")])
def test_a_worker_that_was_silent_for_too_long_may(
    monkeypatch: pytest.MonkeyPatch, holder: str | BrokerError | None
) -> None:
    """Nobody has its name; or nobody says so."""
    made = membership(monkeypatch, name="one", holder=holder)
    made.joined(coordinator("one-1"))
    assert may_join_again(made, FORGOTTEN)
    made.check(coordinator(FORGOTTEN))


@pytest.mark.parametrize(
    ("name", "joined", "member_id"), [("one", True, "one-1"), ("one", False, ""), (None, True, "")]
)
def test_the_group_is_asked_only_where_a_name_may_be_lost(
    monkeypatch: pytest.MonkeyPatch, name: str | None, joined: bool, member_id: str
) -> None:
    """Not in an ordinary rebalance, not at the first start, and not of workers without names."""
    made = membership(monkeypatch, name=name, holder="another")
    if joined:
        made.joined(coordinator("one-1"))
    assert may_join_again(made, member_id)


def test_a_group_that_cannot_be_joined_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client library keeps the error for whoever polls next."""
    made = membership(monkeypatch, name=None, holder=None)
    with pytest.raises(BrokerError, match=r"group shop cannot be joined at 127\.0\.0\.1:1: .*GroupAuthorizationFailed"):
        made.check(coordinator("", error=GroupAuthorizationFailedError("shop")))
