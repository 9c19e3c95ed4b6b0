"""The path of a click.

    Kafka `clicks`
      1 decode    bytes -> ClickEvent, or a Rejection that keeps the bytes
      2 rounds    each user at most once per round, order kept
      3 load      each user's row of the arena, filled from the store where he was not hot
      4 step      step.onnx, once per round:  (item, features, state) -> state'
      5 rank      rank.onnx, per click or once per user and micro-batch:  state -> top items; clicks are scored
      6 publish   lists, dead letters and what the clicks count for everyone; await the broker's acks
      7 save      the new states' changelog records; await the acks
      8 install   only now the new states enter the local store
      9 commit    and only now may the offsets move: the caller's
    Kafka `recommendations`

`compute` is steps 1 to 5, which touch nothing but the arena and may run in a thread; `publish`, `save` and `install`
are the others. `process` takes one micro-batch through all of them; `workers/recommender.py` overlaps several, each
step in the order of the micro-batches.

**Invariant.** A durable `last_offset = n` in a user's state means that every list up to n is acknowledged: 6 comes
before 7, and likewise that what they count for everyone is. Redelivery recomputes and republishes the clicks above it,
with the same bytes where the live counts are of the same snapshot, and only counts the others.

**Invariant.** Raising means that nothing may be committed and that the partition stops: the worker ends, and whoever
takes the partition over gets the batch again. What was computed since the last install is only in the arena; whoever
goes on after an abandoned batch begins with `forget`.

**Invariant.** Same clicks, same artifact, same snapshots of live counts, same bytes: nothing in a list depends on how
the clicks were batched.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from types import MappingProxyType

import numpy as np

from models.counts.counts_fold import Snapshot
from models.sequences.vocabulary import ItemVocabulary
from workers.click_columns import click_columns
from workers.computed_batch import BatchReport, ComputedBatch
from workers.counts_beside import CountsBeside
from workers.decoding import ClickDecoder
from workers.events import ClickEvent, ClickRecord, OutgoingRecord, Rejection, RejectionReason
from workers.loading import StateLoader
from workers.messages import ListWriter, dead_letter_record
from workers.ports import Acknowledgement, Ownership, RecordWriter, StateRow, StateStore
from workers.prequential import PrequentialScorer
from workers.ranking import RankedItems, Ranker, call_trending
from workers.stepping import NO_ROW, STRATEGIES, SteppedClicks, Stepper
from workers.unreadable_states import UnreadableState, unreadable_state_letter
from workers.user_rows import UserKey

_NONE_REFUSED: Mapping[int, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class OutputTopics:
    """Where the pipeline writes.

    Attributes:
        recommendations: Lists; as many partitions as the click topic.
        dead_letters: Rejected records.
        dead_letter_partitions: How many partitions that topic has.
        changelog: States; compacted, as many partitions as the click topic.
    """

    recommendations: str
    dead_letters: str
    dead_letter_partitions: int
    changelog: str


class Pipeline:
    """Takes micro-batches from bytes to acknowledged lists and saved states.

    Args:
        decoder: Step 1.
        vocabulary: The items that the model knows.
        loader: Step 3.
        stepper: Steps 2 and 4, over the loader's arena.
        ranker: Step 5.
        store: Steps 3 and 8.
        writer: Step 6.
        state_writer: Step 7: a connection of its own, so that lists do not wait behind states.
        topics: Where to.
        model_id: The model, named in every list and every slot.
        per_click: Every click gets its list; else each user's newest of the micro-batch.
        now_ms: The wall clock, for a header.
        scorer: Scores each click against the list that its user had; None: nobody does.
        counts: What everyone clicks, and the counting of it; None: nobody counts.
    """

    def __init__(
        self,
        *,
        decoder: ClickDecoder,
        vocabulary: ItemVocabulary,
        loader: StateLoader,
        stepper: Stepper,
        ranker: Ranker,
        store: StateStore,
        writer: RecordWriter,
        state_writer: RecordWriter,
        topics: OutputTopics,
        model_id: str,
        per_click: bool,
        now_ms: Callable[[], int],
        scorer: PrequentialScorer | None = None,
        counts: CountsBeside | None = None,
    ) -> None:
        self._decoder = decoder
        self._vocabulary = vocabulary
        self._loader = loader
        self._stepper = stepper
        self._ranker = ranker
        self._store = store
        self._writer = writer
        self._state_writer = state_writer
        self._topics = topics
        self._list_writer = ListWriter(topic=topics.recommendations, item_ids=vocabulary.item_ids, model_id=model_id)
        self._per_click = per_click
        self._now_ms = now_ms
        self._scorer = scorer
        self._counts = counts

    async def process(self, records: Sequence[ClickRecord], ownership: Ownership) -> BatchReport:
        """Take one micro-batch through steps 1 to 8.

        Returns:
            What became of each record; from here on its offsets may be committed.

        Raises:
            BatchAbandoned: If a partition was taken away; nothing more was written.
            BrokerError: If a record was not acknowledged; the worker must end.
        """
        batch = self.compute(records)
        await (await self.publish(batch, ownership))
        saved = await (await self.save(batch, ownership))
        await self.install(batch, saved, ownership)
        return batch.report

    def compute(
        self, records: Sequence[ClickRecord], refused: Mapping[int, str] = MappingProxyType({})
    ) -> ComputedBatch:
        """Take steps 1 to 5.

        Args:
            records: A micro-batch, in offset order within each partition.
            refused: Positions of records on which the model failed, and how: they become dead letters.

        Raises:
            Exception: Whatever the model raises. What is in the arena then is of no use: `forget` it.
        """
        if self._counts is None:
            return self._computed(records, refused)
        with self._counts.served.standing_still():
            return self._computed(records, refused)

    def _computed(self, records: Sequence[ClickRecord], refused: Mapping[int, str]) -> ComputedBatch:
        clicks, rejections = self._decode(records, refused)
        columns = click_columns(clicks, self._vocabulary)
        consent = np.array([click.consent for click in clicks], dtype=np.bool_)
        users: list[UserKey] = [(click.record.partition, click.user_id.encode()) for click in clicks]
        rows = np.full(len(clicks), NO_ROW)
        loaded = self._loader.load(list(compress(users, consent)))
        rows[consent] = loaded.rows
        had = None if self._scorer is None else self._scorer.recall(rows, loaded)
        stepped, counts = self._stepper.step(columns, rows, consent)
        if self._snapshot is not None:
            call_trending(stepped)
        listed = stepped if self._per_click else stepped.newest_per_user()
        ranked = self._ranker.rank(listed)
        scored = None if had is None else had.score(columns.item_index, stepped, listed, ranked)
        lists = self._lists(clicks, listed, ranked)
        letters = [self._dead_letter(one) for one in rejections]
        letters += [self._state_letter(one) for one in loaded.unreadable]
        report = BatchReport(
            records=len(records),
            steps=counts,
            without_consent=int((~consent).sum()),
            lists=Counter(STRATEGIES[code] for code in listed.strategy.tolist()),
            dead_letters=Counter(one.reason for one in rejections),
            unreadable_states={state.user_key: state.detail for state in loaded.unreadable},
            scored=scored,
        )
        partitions = frozenset(record.partition for record in records)
        counted = {} if self._counts is None else self._counts.counting.counted(clicks, columns, users, stepped)
        return ComputedBatch(partitions, [*lists, *letters], self._new_states(users, stepped), report, clicks, counted)

    async def publish(self, batch: ComputedBatch, ownership: Ownership) -> Acknowledgement:
        """Step 6: send the lists, dead letters and counts of a micro-batch that is still owned."""
        records = batch.outgoing
        if self._counts is not None and batch.counted:
            # Here and not where it was computed: a micro-batch may be computed more than once, and is published once.
            counted = await self._counts.records_of(batch, writer=self._writer, ownership=ownership)
            records = [*records, *counted]
        await ownership.confirm(batch.partitions)
        return await self._writer.send(records)

    async def save(self, batch: ComputedBatch, ownership: Ownership) -> Acknowledgement:
        """Step 7: send the new states of a micro-batch whose lists are acknowledged and that is still owned."""
        await ownership.confirm(batch.partitions)
        topic = self._topics.changelog
        return await self._state_writer.send(
            [OutgoingRecord(topic, row.partition, row.user_key, row.record) for row in batch.states]
        )

    async def install(self, batch: ComputedBatch, saved: Mapping[tuple[str, int], int], ownership: Ownership) -> None:
        """Step 8: keep the new states of a micro-batch whose changelog records are acknowledged.

        Args:
            batch: The micro-batch.
            saved: What acknowledged them.
            ownership: The store may have let go of a partition meanwhile: rows and an offset put there now would
                later pass for the whole partition.
        """
        await ownership.confirm(batch.partitions)
        self._store.install(batch.states, {partition: offset for (_, partition), offset in saved.items()})

    def forget(self) -> None:
        """Empty the arena; no micro-batch may be in flight. Users are loaded from the store again."""
        self._loader.forget()
        if self._counts is not None:
            self._counts.counting.forget()

    def probe(self) -> None:
        """Take a step and rank from the empty state.

        Raises:
            Exception: What the model raises: it fails on any click.
        """
        self._stepper.probe()
        self._ranker.probe()

    @property
    def _snapshot(self) -> Snapshot | None:
        return None if self._counts is None else self._counts.served.snapshot

    def _decode(
        self, records: Sequence[ClickRecord], refused: Mapping[int, str]
    ) -> tuple[list[ClickEvent], list[Rejection]]:
        decoded = [
            Rejection(record, RejectionReason.MODEL_FAILURE, refused[position])
            if position in refused
            else self._decoder.decode(record)
            for position, record in enumerate(records)
        ]
        clicks = [one for one in decoded if isinstance(one, ClickEvent)]
        rejections = [one for one in decoded if isinstance(one, Rejection)]
        return clicks, rejections

    def _lists(self, clicks: Sequence[ClickEvent], listed: SteppedClicks, ranked: RankedItems) -> list[OutgoingRecord]:
        return self._list_writer.records(
            [clicks[position] for position in listed.position.tolist()],
            *ranked,
            [STRATEGIES[code] for code in listed.strategy.tolist()],
            generated_at_ms=self._now_ms(),
            snapshot=self._snapshot,
        )

    def _dead_letter(self, rejection: Rejection) -> OutgoingRecord:
        return dead_letter_record(
            rejection, topic=self._topics.dead_letters, partitions=self._topics.dead_letter_partitions
        )

    def _state_letter(self, state: UnreadableState) -> OutgoingRecord:
        return unreadable_state_letter(
            state,
            changelog=self._topics.changelog,
            topic=self._topics.dead_letters,
            partitions=self._topics.dead_letter_partitions,
        )

    def _new_states(self, users: Sequence[UserKey], stepped: SteppedClicks) -> list[StateRow]:
        """Return one record per user of the micro-batch, his newest, users in the order of their first clicks."""
        remembered = stepped.row != NO_ROW
        # By row: users in the order of their first clicks.
        positions: dict[int, int] = dict(
            zip(stepped.row[remembered].tolist(), stepped.position[remembered].tolist(), strict=True)
        )
        records = self._loader.arena.encode(np.fromiter(positions, np.int64, len(positions)))
        return [
            StateRow(*users[position], record) for position, record in zip(positions.values(), records, strict=True)
        ]
