"""A worker's place in its consumer group: what must end the worker, where the client library would go on in silence.

- Another worker has taken the name (`group_instance_id`) of this one. The library would join again and take it back,
  the other one would do the same, and both would process the same clicks.
- The group cannot be joined. The library keeps the error for whoever polls next, and nobody polls yet.
"""

import asyncio
import logging

import structlog
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import KafkaError
from kafka.admin import KafkaAdminClient

from models.errors import BrokerError
from workers.kafka_admin import connected_admin, first_sentence
from workers.kafka_security import KafkaSecurity

log = structlog.get_logger("nextclick")


class GroupMembership:
    """One worker in its group; used by the thread that talks to Kafka.

    Args:
        group: The group, which is the app's id.
        name: The worker's own name in it, `group_instance_id`; None: a new member at every start.
        bootstrap_servers: Brokers, comma separated.
        security: How to talk to them.
    """

    def __init__(self, group: str, name: str | None, bootstrap_servers: str, security: KafkaSecurity) -> None:
        self._group = group
        self._name = name
        self._bootstrap_servers = bootstrap_servers
        self._security = security
        self._member_id: str | None = None
        self._name_is_lost = False

    def joined(self, coordinator: GroupCoordinator) -> None:
        """Note that the group has taken the worker in."""
        self._member_id = coordinator.member_id

    async def may_join_again(self, coordinator: GroupCoordinator) -> bool:
        """Tell whether no other worker has this one's name by now; `check` raises where one has."""
        # Kafka forgets a member whose name was taken, or who was silent for too long; the library then forgets its id.
        if self._name is None or self._member_id is None or coordinator.member_id:
            return True
        try:
            holder = await asyncio.to_thread(self._holder_of_the_name)
        except BrokerError as error:
            log.warning("Nobody says whether another worker has this one's name", error=str(error))
            return True
        self._name_is_lost = holder not in (None, self._member_id)
        return not self._name_is_lost

    def check(self, coordinator: GroupCoordinator) -> None:
        """Return while the worker can be a member.

        Raises:
            BrokerError: If its name is lost, or the group refuses it.
        """
        if self._name_is_lost:
            raise BrokerError(
                f"Another worker has joined the group {self._group} as group_instance_id={self._name}, and this one's "
                "partitions are its own now: give every worker a name of its own."
            )
        error = coordinator._pending_exception or _exception_of(coordinator._coordination_task)  # noqa: SLF001
        if error is not None:
            raise BrokerError(
                f"The group {self._group} cannot be joined at {self._bootstrap_servers}: {_reason(error)}"
            ) from error

    def _holder_of_the_name(self) -> str | None:
        # It prints the whole group where a member's metadata is not the Java client's; Faust's is not.
        logging.getLogger("kafka.admin._groups").setLevel(logging.ERROR)
        with connected_admin(self._bootstrap_servers, security=self._security) as admin:
            return _member_named(admin, self._group, self._name)


def _member_named(admin: KafkaAdminClient, group: str, name: str | None) -> str | None:
    """Return the id of the group's member of that name, or None where there is none."""
    for member in admin.describe_groups([group])[group]["members"]:
        if member["group_instance_id"] == name:
            return str(member["member_id"])
    return None


def _exception_of(task: "asyncio.Task[None]") -> BaseException | None:
    return task.exception() if task.done() and not task.cancelled() else None


def _reason(error: BaseException) -> str:
    return first_sentence(error) if isinstance(error, KafkaError) else repr(error)
