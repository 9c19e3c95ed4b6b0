"""Fills the state store from its changelog, in whole fetched batches, and keeps standby partitions up to date.

A rebalance begins a new `Restore`, with the partitions that the worker has after it:

1. `restore`: what it owns is read up to where the changelog ended when it began. Clicks wait for it.
2. `follow`: what it is the standby of is read for as long as it stays, a little at a time, beside the clicks.
3. `interrupt`: the next rebalance. From here on nothing more is applied, the store may let go of partitions.

Reading twice is harmless, and a restore goes on behind the offset that the store keeps with its rows: a standby that is
promoted, or a RocksDB that was there before, is restored from its tail alone.
"""

import asyncio
import time
from collections.abc import Collection, Mapping
from typing import Protocol, Self

import structlog

from workers.changelog_reader import ChangelogReader, ChangelogSpan
from workers.restore_progress import RestoreProgress
from workers.stores.base import StateRecordStore

log = structlog.get_logger("nextclick")

# Records applied in one go, some ten milliseconds: the event loop turns between them.
RESTORE_RECORDS = 2_000
# Clicks are served meanwhile, and wait for it.
FOLLOW_RECORDS = 250
FETCH_TIMEOUT_S = 0.25
LOG_INTERVAL_S = 5.0
TELL_INTERVAL_S = 0.25


class RestoreInterrupted(Exception):  # noqa: N818 - not an error: what a rebalance does to a restore
    """The partitions are moving again: another restore begins, with those that the worker has then."""


class RestoreObserver(Protocol):
    """Is told how far the states are."""

    def states_are_restoring(self, progress: RestoreProgress) -> None:
        """Note how far a restore is; called often, and at its end."""

    def standbys_lag(self, records: Mapping[int, int]) -> None:
        """Note how many changelog records behind each standby partition is; empty where there is none."""


class Restore:
    """The states of one assignment of partitions.

    Args:
        store: Where the states go.
        reader: Where they come from.
        observer: Told of the progress.
        reading: Held by the one who reads.
    """

    def __init__(
        self, store: StateRecordStore, reader: ChangelogReader, observer: RestoreObserver, reading: asyncio.Lock
    ) -> None:
        self._store = store
        self._reader = reader
        self._observer = observer
        self._reading = reading
        self._interrupted = False

    def interrupt(self) -> None:
        """Apply nothing more."""
        self._interrupted = True

    async def restore(self, partitions: Collection[int]) -> None:
        """Return once every state of these partitions is in the store.

        Raises:
            RestoreInterrupted: If a rebalance has come between.
            BrokerError: If the changelog cannot be read.
            TopicError: If the store's states are newer than the changelog.
        """
        async with self._reading:
            self._observer.standbys_lag({})
            spans = await self._begin(partitions)
            progress = RestoreProgress(spans)
            self._observer.states_are_restoring(progress)
            with _Telling(self._observer, progress) as telling:
                while progress.unfinished:
                    await self._apply_next(RESTORE_RECORDS)
                    await self._advance(progress, spans)
                    telling.tell()
            self._require()
            self._note_ends(spans)

    async def follow(self, partitions: Collection[int]) -> None:
        """Keep these partitions up to date until the next rebalance.

        Raises:
            RestoreInterrupted: When it begins.
            BrokerError: If the changelog cannot be read.
            TopicError: If the store's states are newer than the changelog.
        """
        async with self._reading:
            await self._begin(partitions)
            told = 0.0
            while partitions:
                await self._apply_next(FOLLOW_RECORDS)
                if time.monotonic() - told >= TELL_INTERVAL_S:
                    told = time.monotonic()
                    self._observer.standbys_lag({partition: await self._lag(partition) for partition in partitions})

    async def _begin(self, partitions: Collection[int]) -> Mapping[int, ChangelogSpan]:
        self._require()
        newest_offsets = {partition: self._store.newest_offset(partition) for partition in sorted(partitions)}
        return await self._reader.assign(newest_offsets)

    async def _apply_next(self, max_records: int) -> None:
        """Apply what one fetch brings."""
        fetched = await self._reader.fetch(max_records=max_records, timeout_s=FETCH_TIMEOUT_S)
        self._require()
        for partition, records in fetched.items():
            self._store.apply_changelog(partition, records)
            await asyncio.sleep(0)
            # The store may have let go of its partitions meanwhile.
            self._require()

    async def _advance(self, progress: RestoreProgress, spans: Mapping[int, ChangelogSpan]) -> None:
        for partition in progress.unfinished:
            position, end = await self._reader.position(partition), spans[partition].end
            if position < end and self._reader.has_no_more(partition, end):
                log.warning(
                    "A changelog partition has no record before its end: the last ones were compacted away",
                    partition=partition,
                    position=position,
                    end=end,
                )
                position = end
            progress.reached(partition, position)

    async def _lag(self, partition: int) -> int:
        return self._reader.lag(partition, await self._reader.position(partition))

    def _note_ends(self, spans: Mapping[int, ChangelogSpan]) -> None:
        """Keep that everything before the ends is read, also where the last offsets hold no record."""
        for partition, span in spans.items():
            self._store.note_newest(partition, span.newest_record)
            newest = self._store.newest_offset(partition)
            if span.end > (0 if newest is None else newest + 1):
                self._store.restore(partition, {}, span.end - 1)

    def _require(self) -> None:
        if self._interrupted:
            raise RestoreInterrupted


class StateRestorer:
    """Begins restores.

    Args:
        store: Where the states go.
        reader: Where they come from.
        observer: Told of the progress.
    """

    def __init__(self, store: StateRecordStore, reader: ChangelogReader, observer: RestoreObserver) -> None:
        self._store = store
        self._reader = reader
        self._observer = observer
        # An interrupted restore may still wait for a fetch when the next one begins.
        self._reading = asyncio.Lock()

    def begin(self) -> Restore:
        """Return the restore of a new assignment."""
        return Restore(self._store, self._reader, self._observer, self._reading)


class _Telling:
    """Tells observer and log of a restore, each in its interval, and both at its end."""

    def __init__(self, observer: RestoreObserver, progress: RestoreProgress) -> None:
        self._observer = observer
        self._progress = progress
        self._told = self._logged = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._observer.states_are_restoring(self._progress)
        if kind is None and self._progress.total:
            self._log("Changelog is read to its end")

    def tell(self) -> None:
        """Tell whom it is time to tell."""
        now = time.monotonic()
        if now - self._told >= TELL_INTERVAL_S:
            self._told = now
            self._observer.states_are_restoring(self._progress)
        if now - self._logged >= LOG_INTERVAL_S:
            self._logged = now
            self._log("Restoring user states")

    def _log(self, event: str) -> None:
        progress = self._progress
        log.info(
            event,
            records=progress.done,
            of=progress.total,
            records_per_second=round(progress.records_per_second),
            seconds=round(progress.seconds, 1),
            seconds_left=None if progress.seconds_left is None else round(progress.seconds_left, 1),
        )
