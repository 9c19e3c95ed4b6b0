"""A micro-batch on its way through the pipeline, and whether its partitions are still this worker's."""

import asyncio
from collections.abc import Collection, Mapping

from faust.types import TP, AppT

from workers.ports import BatchAbandoned
from workers.session_lease import SessionLease

# How often to look again whether a heartbeat was answered.
LEASE_POLL_S = 0.05


class BatchInFlight:
    """One micro-batch between its fetch and its commit; the pipeline's `Ownership`.

    Args:
        app: Whose consumer fetched it.
        generation: The consumer generation that it was fetched in.
        lease: How long nobody else can have its partitions.
    """

    def __init__(self, app: AppT, generation: int, lease: SessionLease) -> None:
        self._app = app
        self._generation = generation
        self._lease = lease
        self.revoked = False
        self.next_offsets: dict[TP, int] = {}

    @property
    def is_owned(self) -> bool:
        """Whether no rebalance has taken the batch away."""
        return not self.revoked and self._app.consumer_generation_id == self._generation

    def require(self, partitions: Collection[int]) -> None:
        """Return if the batch is still owned.

        Raises:
            BatchAbandoned: If it is not.
        """
        if not self.is_owned:
            raise BatchAbandoned(f"Partitions {sorted(partitions)} moved while a batch of them was in flight.")

    async def confirm(self, partitions: Collection[int]) -> None:
        """Return once the batch is surely still owned: where the lease has run out, after the next heartbeat's answer.

        Raises:
            BatchAbandoned: If it is not.
        """
        self.require(partitions)
        while not self._lease.holds():
            await asyncio.sleep(LEASE_POLL_S)
            self.require(partitions)

    def done(self, next_offsets: Mapping[TP, int]) -> None:
        """Say that every record of the batch is processed: these offsets may be committed."""
        self.next_offsets.update(next_offsets)
