"""Which worker owns a user, and where its pages are.

The key decides the partition, the group decides whose it is. Faust's assignor tells every member where the others are:
each brings its canonical URL along when it joins.
"""

from collections.abc import Mapping
from typing import NamedTuple

from faust.types import TP
from yarl import URL

from workers.batch_consumer import batch_consumer
from workers.partitioning import Partitioner, partition_of
from workers.streaming_app import StreamingApp
from workers.web_address import is_address


class Owner(NamedTuple):
    """The worker that owns a user.

    Attributes:
        partition: The user's.
        is_here: Whether it is this worker, which is sure of it.
        address: Where its pages are; None for this one, and where nobody knows.
        name: What to call it in a sentence.
    """

    partition: int
    is_here: bool
    address: URL | None
    name: str


class UserOwners:
    """Finds the owners of users.

    Args:
        app: A member of the group.
        partitions: Of the topic that advances states.
        partitioner: How its producer picks a partition.
    """

    def __init__(self, app: StreamingApp, *, partitions: int, partitioner: Partitioner) -> None:
        self._app = app
        self._partitions = partitions
        self._partitioner = partitioner

    def owner_of(self, user_key: bytes) -> Owner:
        """Return the owner as this worker knows it; it may change at the next rebalance."""
        partition = partition_of(user_key, self._partitions, self._partitioner)
        consumer = batch_consumer(self._app)
        # A worker that slept through its session still has its old assignment.
        if TP(self._app.settings.source_topic, partition) in consumer.assignment() and consumer.lease.holds():
            return Owner(partition, True, None, "this worker")
        url = self._url_of(partition)
        own = str(self._app.conf.canonical_url)
        # Two workers of one address, as two machines' loopbacks are, cannot be told apart.
        address = None if url is None or url == own or not is_address(url) else URL(url)
        return Owner(partition, False, address, "unknown" if url is None else url)

    def _url_of(self, partition: int) -> str | None:
        topic = self._app.settings.changelog_topic
        members: Mapping[str, Mapping[str, list[int]]] = self._app.assignor.tables_metadata()
        for url, topics in members.items():
            if partition in topics.get(topic, ()):
                return url
        return None
