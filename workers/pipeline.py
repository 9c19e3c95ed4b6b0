"""The path of a click.

    Kafka `clicks`
      1 decode    bytes -> ClickEvent, or a Rejection that keeps the bytes
      2 rounds    each user at most once per round, order kept
      3 load      each user's state rows, gathered into one array
      4 step      step.onnx, once per round:  (item, features, state) -> state'
      5 rank      rank.onnx, per click or once per user and micro-batch:  state -> top items
      6 publish   lists and dead letters; await the broker's acks
      7 save      the new states' changelog records; await the acks
      8 install   only now the new states enter the local store; a raise discards them
      9 commit    and only now may the offsets move: the caller's, after `process` has returned
    Kafka `recommendations`

**Invariant.** A durable `last_offset = n` in a user's state means that every list up to n is acknowledged: 6 comes
before 7. Redelivery recomputes and republishes the clicks above it, with the same bytes, and only counts the others.

**Invariant.** Raising means that nothing may be committed and that the partition stops: the worker ends, and whoever
takes the partition over gets the batch again.

**Invariant.** Same clicks, same artifact, same bytes: nothing in a list depends on how the clicks were batched.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from workers.decoding import ClickDecoder
from workers.events import ClickEvent, ClickRecord, OutgoingRecord, Recommendation, Rejection, RejectionReason, Strategy
from workers.loading import LoadedStates, StateLoader
from workers.messages import dead_letter_record, recommendation_record
from workers.ports import Ownership, RecordWriter, StateRow, StateStore
from workers.ranking import Ranker, newest_per_user
from workers.stepping import StepCounts, SteppedClick, Stepper, user_key
from workers.user_state import encode_state


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


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What became of a micro-batch: records == applied + without_consent + redelivered + dead letters."""

    records: int
    steps: StepCounts
    without_consent: int
    lists: Mapping[Strategy, int]
    dead_letters: Mapping[RejectionReason, int]
    unreadable_states: Mapping[bytes, str]


class Pipeline:
    """Takes micro-batches from bytes to acknowledged lists and saved states.

    Args:
        decoder: Step 1.
        loader: Step 3.
        stepper: Steps 2 and 4.
        ranker: Step 5.
        store: Steps 3 and 8.
        writer: Steps 6 and 7.
        topics: Where to.
        model_id: The model, named in every list and every slot.
        per_click: Every click gets its list; else each user's newest of the micro-batch.
        now_ms: The wall clock, for a header.
    """

    def __init__(
        self,
        *,
        decoder: ClickDecoder,
        loader: StateLoader,
        stepper: Stepper,
        ranker: Ranker,
        store: StateStore,
        writer: RecordWriter,
        topics: OutputTopics,
        model_id: str,
        per_click: bool,
        now_ms: Callable[[], int],
    ) -> None:
        self._decoder = decoder
        self._loader = loader
        self._stepper = stepper
        self._ranker = ranker
        self._store = store
        self._writer = writer
        self._topics = topics
        self._model_id = model_id
        self._per_click = per_click
        self._now_ms = now_ms

    async def process(self, records: Sequence[ClickRecord], ownership: Ownership) -> BatchReport:
        """Take one micro-batch through steps 1 to 8.

        Args:
            records: In offset order within each partition.
            ownership: Asked before anything is published, before anything is saved and before anything is installed.

        Returns:
            What became of each record; from here on its offsets may be committed.

        Raises:
            BatchAbandoned: If a partition was taken away; nothing more was written.
            BrokerError: If a record was not acknowledged; the worker must end.
        """
        partitions = {record.partition for record in records}
        clicks, rejections = self._decode(records)
        loaded = self._loader.load([user_key(click) for click in clicks if click.consent])
        stepped, counts = self._step(clicks, loaded)
        lists = self._ranker.rank(stepped if self._per_click else newest_per_user(stepped))
        ownership.require(partitions)
        await self._publish(lists, rejections)
        rows = self._new_rows(stepped, loaded)
        ownership.require(partitions)
        changelog_offsets = await self._save(rows)
        # The store may have let go of a partition while the changelog was being acknowledged: rows and an offset put
        # there now would later pass for the whole partition.
        ownership.require(partitions)
        self._store.install(rows, changelog_offsets)
        return BatchReport(
            records=len(records),
            steps=counts,
            without_consent=sum(not click.consent for click in clicks),
            lists=Counter(one.strategy for one in lists),
            dead_letters=Counter(one.reason for one in rejections),
            unreadable_states={key: reason for (_, key), reason in loaded.unreadable.items()},
        )

    def _decode(self, records: Sequence[ClickRecord]) -> tuple[list[ClickEvent], list[Rejection]]:
        decoded = [self._decoder.decode(record) for record in records]
        clicks = [one for one in decoded if isinstance(one, ClickEvent)]
        rejections = [one for one in decoded if isinstance(one, Rejection)]
        return clicks, rejections

    def _step(self, clicks: Sequence[ClickEvent], loaded: LoadedStates) -> tuple[list[SteppedClick], StepCounts]:
        """Return every click that gets a list, in offset order, and counts."""
        stepped, counts = self._stepper.step([click for click in clicks if click.consent], loaded)
        alone = self._stepper.step_alone([click for click in clicks if not click.consent])
        in_order = sorted([*stepped, *alone], key=lambda one: (one.click.record.partition, one.click.record.offset))
        return in_order, counts

    async def _publish(self, lists: Sequence[Recommendation], rejections: Sequence[Rejection]) -> None:
        generated_at_ms = self._now_ms()
        outgoing = [
            recommendation_record(
                one,
                topic=self._topics.recommendations,
                model_id=self._model_id,
                generated_at_ms=generated_at_ms,
            )
            for one in lists
        ]
        outgoing += [
            dead_letter_record(one, topic=self._topics.dead_letters, partitions=self._topics.dead_letter_partitions)
            for one in rejections
        ]
        await self._writer.write(outgoing)

    def _new_rows(self, stepped: Sequence[SteppedClick], loaded: LoadedStates) -> list[StateRow]:
        """Return one record per user of the micro-batch, his newest."""
        changed = dict.fromkeys(user_key(one.click) for one in stepped if one.state is not None)
        return [StateRow(*user, encode_state(loaded.new_state(user, self._model_id))) for user in changed]

    async def _save(self, rows: Sequence[StateRow]) -> Mapping[int, int]:
        """Write the changelog records; return the newest changelog offset by partition."""
        topic = self._topics.changelog
        offsets = await self._writer.write(
            [OutgoingRecord(topic, row.partition, row.user_key, row.record) for row in rows]
        )
        return {partition: offset for (_, partition), offset in offsets.items()}
