"""Reads the counts topic, all of it and then what comes, and hands it to whoever ranks.

A worker takes no click before it has read what was there when it started; and where partitions move to it, before it
has read what was there then: all that the owner before it counted and whose states are durable (`caught_up`).
"""

import asyncio
from contextlib import suppress

import structlog
from mode import Service

from workers.changelog_reader import ChangelogReader
from workers.ports import BatchAbandoned
from workers.served_counts import CountsRecord, ServedCounts

log = structlog.get_logger("nextclick")

PARTITION = 0
RECORDS_AT_ONCE = 2_000
FETCH_TIMEOUT_S = 0.25
LOOK_AGAIN_S = 0.02
# Where all is read: records come with every micro-batch, and a fetch for each would cost a click more than counting it.
# A bucket lasts a hundred times as long.
REST_S = 0.1
# Where no micro-batch comes that folds what is there, it is folded all the same.
LONGEST_WAIT_S = 0.5


class CountsFollower(Service):
    """Follows the counts topic while it runs.

    Args:
        reader: Reads it, started.
        served: Is given the records.
    """

    def __init__(self, reader: ChangelogReader, served: ServedCounts) -> None:
        super().__init__()
        self._reader = reader
        self._served = served
        self._next_offset = 0
        self._failure: Exception | None = None
        # Held while the reader's position moves: records that are fetched to find the end are not the next ones.
        self._reading = asyncio.Lock()

    @property
    def lag(self) -> int:
        """How many records of the topic are not handed over yet, as of the last fetch."""
        return self._reader.lag(PARTITION, self._next_offset)

    async def on_start(self) -> None:
        """Read from the topic's beginning.

        Raises:
            BrokerError: If it cannot be read.
        """
        spans = await self._reader.assign({PARTITION: None})
        self._next_offset = spans[PARTITION].start

    async def on_started(self) -> None:
        """Return once everything is folded that is in the topic, or the worker stops.

        Raises:
            BrokerError: If the topic cannot be read.
            CountsRecordError: If a record does not decode.
        """
        with suppress(BatchAbandoned):
            await self.caught_up()
            log.info("Counts are read", snapshot=self._served.snapshot, items=self._served.trending_items)

    @Service.task
    async def _follow(self) -> None:
        try:
            while not self.should_stop:
                await self._hand_over_next()
                if not self.lag:
                    await self.sleep(REST_S)
        except Exception as error:
            self._failure = error
            raise

    async def _hand_over_next(self) -> None:
        async with self._reading:
            if self.should_stop:
                # Who asked for the end was cut short, and may have left the reader anywhere.
                return
            fetched = await self._reader.fetch(max_records=RECORDS_AT_ONCE, timeout_s=FETCH_TIMEOUT_S)
            for records in fetched.values():
                self._served.hand_over([CountsRecord(one.offset, one.key, one.value) for one in records])
            # Beyond what was compacted away, too.
            self._next_offset = await self._reader.position(PARTITION)
        if self._served.waiting_s > LONGEST_WAIT_S:
            await asyncio.to_thread(self._served.advance, even_if_ranking=False)

    async def caught_up(self, end: int | None = None) -> None:
        """Return once everything is folded that is in the topic now.

        Args:
            end: Everything below this offset, where it is known: a broker that leads for a moment only may know less.

        Raises:
            BatchAbandoned: If the worker stops before.
            BrokerError: If the topic cannot be read.
            CountsRecordError: If a record does not decode.
        """
        end = await self._end() if end is None else end
        while self._next_offset < end:
            self._require_to_run()
            await asyncio.sleep(LOOK_AGAIN_S)
        await asyncio.to_thread(self._served.advance)

    async def _end(self) -> int:
        self._require_to_run()
        # The reader stops behind us: it would fail whoever still waits for it, or let him wait for ever.
        ended = await self.wait(self._ask_for_end())
        if ended.stopped:
            self._require_to_run()
        end: int = ended.result
        return end

    async def _ask_for_end(self) -> int:
        async with self._reading:
            return await self._reader.end(PARTITION)

    def _require_to_run(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self.should_stop:
            raise BatchAbandoned("The worker stops.")
