"""Faust's table manager and recovery, with user states restored in bulk and every other table as in stock Faust.

Set as the app's `TableManager`. Stock recovery takes one event a changelog record (80 microseconds each), swallows what
a store raises, so that the batch is lost, and takes a broker that does not answer in time for a worker that stops, so
that the worker never gets ready. Here the changelog of user states never enters Faust's recovery: its partitions stay
paused in the group's consumer, `StateRestorer` reads them, and what goes wrong ends the worker.
"""

import asyncio
from typing import Any, cast

from faust.tables import recovery as stock
from faust.tables.manager import TableManager
from faust.types import TP
from faust.types.tables import CollectionT
from mode.services import WaitArgT
from mode.utils.locks import Event
from mode.utils.times import Seconds

from models.errors import BrokerError
from workers.state_restorer import Restore, RestoreInterrupted
from workers.streaming_app import StreamingApp


class StateRecovery(stock.Recovery):
    """Recovery of a `StreamingApp`'s tables."""

    _restore: Restore | None = None
    _following: "asyncio.Future[None] | None" = None

    def __init__(self, app: StreamingApp, tables: TableManager, **options: Any) -> None:  # noqa: ANN401 - mode's
        super().__init__(app, tables, **options)
        self._streaming_app = app
        self._owned: set[int] = set()
        self._standby: set[int] = set()

    # ---- which partitions

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Begin a new restore with the partitions of this generation."""
        self._interrupt()
        self._owned.clear()
        self._standby.clear()
        self._restore = self._streaming_app.restorer.begin()
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)

    def add_active(self, table: CollectionT, tp: TP) -> None:
        """Take a changelog partition that this worker owns."""
        if table is self._streaming_app.user_states:
            self._owned.add(tp.partition)
        else:
            super().add_active(table, tp)

    def add_standby(self, table: CollectionT, tp: TP) -> None:
        """Take a changelog partition that this worker keeps a copy of."""
        if table is self._streaming_app.user_states:
            self._standby.add(tp.partition)
        else:
            super().add_standby(table, tp)

    def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Apply nothing more: the store lets go of partitions next."""
        self._interrupt()
        super().on_partitions_revoked(revoked)

    # ---- restore and follow

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        """Restore the user states; Faust calls it when its own tables are restored, and then lets the clicks flow.

        Raises:
            RebalanceAgain: If the partitions move meanwhile: Faust begins anew.
        """
        restore = cast(Restore, self._restore)
        try:
            await restore.restore(frozenset(self._owned))
        except RestoreInterrupted:
            raise stock.RebalanceAgain from None
        await super().on_recovery_completed(generation_id)
        if self._standby:
            self._following = self.add_future(self._follow(restore))

    async def _follow(self, restore: Restore) -> None:
        try:
            await restore.follow(frozenset(self._standby))
        except RestoreInterrupted:
            self.log.dev("Standby partitions move")

    def _interrupt(self) -> None:
        if self._restore is not None:
            self._restore.interrupt()
        if self._following is not None:
            # It may be waiting for a broker that is away.
            self._following.cancel()
            self._following = None

    async def on_stop(self) -> None:
        """Apply nothing more."""
        self._interrupt()
        await super().on_stop()

    async def _wait(self, coro: WaitArgT, timeout: Seconds | None = None) -> None:  # noqa: ASYNC109 - Faust's signature
        """Wait for a step of the recovery.

        Raises:
            BrokerError: If it takes longer than it may; stock Faust takes that for the end of the worker and waits on.
        """
        # mode types neither asyncio's events nor a wait without limit; it takes both.
        rebalance = cast(Event, self.signal_recovery_start)
        results = await self.wait_first(coro, rebalance, timeout=cast(Seconds, timeout))
        if self.should_stop:
            raise stock.ServiceStopped
        if rebalance in results.done:
            raise stock.RebalanceAgain
        if not results.done:
            raise BrokerError(f"Kafka did not answer within {timeout} s while partitions were being assigned.")


class StateTableManager(TableManager):
    """Faust's table manager with `StateRecovery`."""

    @property
    def recovery(self) -> StateRecovery:
        """The recovery of this worker's tables."""
        if self._recovery is None:
            self._recovery = StateRecovery(cast(StreamingApp, self.app), self, beacon=self.beacon, loop=self.loop)
        return cast(StateRecovery, self._recovery)
