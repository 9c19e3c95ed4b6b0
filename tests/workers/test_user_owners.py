from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import cast

import pytest
from faust.types import TP
from yarl import URL

from workers.settings import load_settings
from workers.streaming_app import StreamingApp
from workers.user_owners import Owner, UserOwners

OWN_URL = "http://10.0.0.1:6066"
# Partition 0 of 2, by either partitioner.
KEY = b"user-1"


def make_owners(
    members: Mapping[str, Sequence[int]], *, owned: Sequence[int] = (), lease_holds: bool = True
) -> UserOwners:
    """Owners as a worker sees them that owns these partitions.

    Args:
        members: Which partitions each member's assignment names.
        owned: What this one's consumer has.
        lease_holds: Whether the group surely leaves it them.
    """
    settings = load_settings(app_id="shop")
    tables = {url: {settings.changelog_topic: list(partitions), "other": [0]} for url, partitions in members.items()}
    app = SimpleNamespace(
        settings=settings,
        conf=SimpleNamespace(canonical_url=URL(OWN_URL)),
        consumer=SimpleNamespace(
            assignment=lambda: {TP("clicks", partition) for partition in owned} | {TP("other", 0)},
            lease=SimpleNamespace(holds=lambda: lease_holds),
        ),
        assignor=SimpleNamespace(tables_metadata=lambda: tables),
    )
    return UserOwners(cast(StreamingApp, app), partitions=2, partitioner="crc32")


@pytest.fixture
def partition() -> int:
    """The key's."""
    return make_owners({}).owner_of(KEY).partition


def test_what_the_consumer_has_is_here(partition: int) -> None:
    """Whatever the assignment names: it is the older one of the two in a rebalance."""
    owner = make_owners({"http://10.0.0.2:6066": [partition]}, owned=[partition]).owner_of(KEY)
    assert owner == Owner(partition, True, None, "this worker")


def test_what_a_worker_had_before_it_slept_is_not(partition: int) -> None:
    """Until a heartbeat is answered nobody knows whose it is."""
    owner = make_owners({OWN_URL: [partition]}, owned=[partition], lease_holds=False).owner_of(KEY)
    assert owner == Owner(partition, False, None, OWN_URL)


def test_another_member_is_found_by_its_url(partition: int) -> None:
    """By the changelog's partitions alone."""
    members = {OWN_URL: [1 - partition], "http://10.0.0.2:6066": [partition], "http://10.0.0.3:6066": []}
    owner = make_owners(members, owned=[1 - partition]).owner_of(KEY)
    assert owner == Owner(partition, False, URL("http://10.0.0.2:6066"), "http://10.0.0.2:6066")


@pytest.mark.parametrize("url", [OWN_URL, "worker://worker-2", "http://10.0.0.2:0", "http://0.0.0.0:6066"])
def test_a_member_that_cannot_be_reached_is_not_asked(partition: int, url: str) -> None:
    """One of our own address, as two loopbacks are; one that has only a name, or listens anywhere."""
    assert make_owners({url: [partition]}).owner_of(KEY) == Owner(partition, False, None, url)


def test_a_partition_that_nobody_has(partition: int) -> None:
    """Before the first assignment."""
    assert make_owners({}).owner_of(KEY) == Owner(partition, False, None, "unknown")
