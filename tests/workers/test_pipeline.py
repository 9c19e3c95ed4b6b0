import pytest

from export.artifact import Artifact
from export.runtime import ModelRuntime
from models.errors import BrokerError
from tests.click_records import click_value, make_click, make_record
from tests.workers.click_runs import seeded
from tests.workers.fakes import Diary, FailingWriter, MemoryRows, RecordingWriter
from tests.workers.pipelines import (
    CHANGELOG,
    DEAD_LETTERS,
    LISTS,
    Topic,
    adds_up,
    clicks_with_everything,
    dead_letters,
    lists_by_click,
    make_pipeline,
    poison,
    restored,
    run,
)
from workers.user_state import decode_state

# ---- the order of the steps


def test_the_steps_come_in_their_order(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """Lists before states, ownership before anything leaves, and the store last."""
    diary = Diary(RecordingWriter(), MemoryRows())
    pipeline = make_pipeline(tiny_artifact, runtime, store=diary, writer=diary)
    clicks = [make_click("ann", offset=0), make_click("bob", partition=1, offset=0), make_click("ann", offset=1)]
    run(pipeline, [*(click.record for click in clicks), poison(2)], diary)
    assert diary.entries == [
        "load ann",
        "load bob",
        "own [0, 1]",
        "write dead lists",
        "own [0, 1]",
        "write states",
        "own [0, 1]",
        "install {0: 0, 1: 0}",
    ]


def test_each_record_is_answered(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """A list for a click, a dead letter for what is none, one state for a user."""
    broker, store = RecordingWriter(), MemoryRows()
    clicks = [
        make_click("ann", offset=0),
        make_click("ann", "unknown", offset=1),
        make_click("bob", offset=3),
        make_click("cat", offset=4, consent=False),
    ]
    report = run(
        make_pipeline(tiny_artifact, runtime, store=store, writer=broker),
        [clicks[0].record, clicks[1].record, poison(2), clicks[2].record, clicks[3].record],
    )
    assert (report.records, report.steps.applied, report.without_consent) == (5, 3, 1)
    assert report.lists == {"personal": 3, "single_click": 1}
    assert report.dead_letters == {"not_utf8": 1}
    assert [(record.topic, record.partition, record.key) for record in broker.written] == [
        (LISTS, 0, b"ann"),
        (LISTS, 0, b"ann"),
        (LISTS, 0, b"bob"),
        (LISTS, 0, b"cat"),
        (DEAD_LETTERS, 0, b"ann"),
        (CHANGELOG, 0, b"ann"),
        (CHANGELOG, 0, b"bob"),
    ]
    assert set(store.rows) == {(0, b"ann"), (0, b"bob")}
    assert store.rows == restored(broker).rows
    assert store.offsets == {0: 1}


def test_rejected_records_alone_are_a_batch(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """Nothing to step, nothing to save, dead letters to publish."""
    broker = RecordingWriter()
    report = run(make_pipeline(tiny_artifact, runtime, store=MemoryRows(), writer=broker), [poison(0), poison(1)])
    assert report.dead_letters == {"not_utf8": 2}
    assert [record.topic for record in broker.written] == [DEAD_LETTERS, DEAD_LETTERS]


def test_a_largest_record_goes_through(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """A megabyte of unknown fields is a click, a megabyte of nonsense a dead letter with all its bytes."""
    broker = RecordingWriter()
    nonsense = b"[" * 1_048_576
    report = run(
        make_pipeline(tiny_artifact, runtime, store=MemoryRows(), writer=broker),
        [make_record(click_value(padding="x" * 1_048_576)), make_record(nonsense, offset=1)],
    )
    assert report.lists == {"personal": 1}
    assert broker.of_topic(DEAD_LETTERS)[0].value == nonsense


def test_a_damaged_state_is_a_dead_letter_before_it_is_replaced(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """The user starts over with this click; his new state is saved behind the old one's bytes."""
    store, broker = MemoryRows(), RecordingWriter()
    store.rows[3, b"ann"] = b"\x01 damaged"
    pipeline = make_pipeline(tiny_artifact, runtime, store=store, writer=broker)
    report = run(pipeline, [make_click(offset=9, partition=3).record, make_click(offset=10, partition=3).record])
    assert list(report.unreadable_states) == [b"ann"]
    assert adds_up(report)
    assert decode_state(store.rows[3, b"ann"]).clicks == 2
    assert [record.topic for record in broker.written] == [LISTS, LISTS, DEAD_LETTERS, CHANGELOG]
    (letter,) = broker.of_topic(DEAD_LETTERS)
    assert (letter.partition, letter.key, letter.value) == (0, b"ann", b"\x01 damaged")
    assert dict(letter.headers) == {
        "nextclick.reason": b"unreadable_state",
        "nextclick.detail": b"A state record of 9 bytes is cut short: it has 48 at least.",
        "nextclick.source.topic": CHANGELOG.encode(),
        "nextclick.source.partition": b"3",
    }
    run(pipeline, [make_click(offset=11, partition=3).record])
    assert len(broker.of_topic(DEAD_LETTERS)) == 1


def test_no_state_is_replaced_whose_bytes_were_not_kept(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """The dead letter is not acknowledged: nothing is saved, the bytes stay where they are."""
    store, broker = MemoryRows(), RecordingWriter()
    store.rows[0, b"ann"] = b"\x01 damaged"
    pipeline = make_pipeline(tiny_artifact, runtime, store=store, writer=FailingWriter(broker, after=1))
    with pytest.raises(BrokerError):
        run(pipeline, [make_click().record])
    assert broker.of_topic(CHANGELOG) == []
    assert store.rows[0, b"ann"] == b"\x01 damaged"


def test_a_click_without_consent_leaves_no_trace(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """Its user's state is neither asked for nor written."""
    diary = Diary(RecordingWriter(), MemoryRows())
    pipeline = make_pipeline(tiny_artifact, runtime, store=diary, writer=diary)
    report = run(pipeline, [make_click(consent=False).record], diary)
    assert diary.entries == ["own [0]", "write lists", "own [0]", "write ", "own [0]", "install {}"]
    assert (report.without_consent, report.steps.applied) == (1, 0)


# ---- publish=per-batch


@pytest.mark.parametrize("seed", range(4))
def test_per_batch_publishes_the_newest_list_of_each_user(
    featured_artifact: Artifact, featured_runtime: ModelRuntime, seed: int
) -> None:
    """The lists are those of per-click, fewer of them; the states are the same bytes."""
    partitions = clicks_with_everything(seeded(seed), 80)
    brokers, stores = {}, {}
    for per_click in (True, False):
        brokers[per_click], stores[per_click] = RecordingWriter(), MemoryRows()
        pipeline = make_pipeline(
            featured_artifact,
            featured_runtime,
            store=stores[per_click],
            writer=brokers[per_click],
            per_click=per_click,
        )
        topic, random = Topic(partitions), seeded(seed)
        while batch := topic.fetch(random, most=12):
            already = len(brokers[per_click].written)
            report = run(pipeline, batch)
            topic.commit(batch)
            assert adds_up(report)
            published = [record for record in brokers[per_click].written[already:] if record.topic == LISTS]
            assert sum(report.lists.values()) == len(published)
            if not per_click:
                # One list a user, and one for each of his clicks without consent.
                users = [record.key for record in published if b'"single_click"' not in (record.value or b"")]
                with_consent = [key for key in users if key is not None]
                assert len(published) <= len(set(with_consent)) + report.without_consent
    assert stores[False].rows == stores[True].rows
    every_list, newest_lists = lists_by_click(brokers[True]), lists_by_click(brokers[False])
    assert newest_lists.items() < every_list.items()
    assert dead_letters(brokers[False]) == dead_letters(brokers[True])


def test_the_newest_list_is_that_of_the_newest_click(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """Of three clicks of one user in one micro-batch, the third is answered."""
    broker = RecordingWriter()
    pipeline = make_pipeline(tiny_artifact, runtime, store=MemoryRows(), writer=broker, per_click=False)
    clicks = [make_click(offset=0), make_click("bob", offset=1), make_click(offset=2), make_click(offset=3)]
    report = run(pipeline, [click.record for click in clicks])
    assert report.lists == {"personal": 2}
    assert report.steps.applied == 4
    assert sorted(lists_by_click(broker)) == [(0, 1), (0, 3)]
