"""Each click is scored against the list that its user had, whoever made it, however clicks are batched."""

import json
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from export.artifact import Artifact
from export.runtime import ModelRuntime
from tests.click_records import make_click
from tests.prequential_by_hand import ScoredByHand, score_by_hand
from tests.workers.fakes import MemoryRows, RecordingWriter
from tests.workers.pipelines import clicks_with_everything, lists_by_click, make_pipeline, run
from tests.workers.test_loading import OTHER_MODEL
from workers.computed_batch import ComputedBatch
from workers.events import ClickEvent, ClickRecord, Strategy
from workers.pipeline import Pipeline
from workers.ports import StateRow
from workers.prequential import ScoredClicks
from workers.stepping import STRATEGIES
from workers.user_state import decode_state, encode_state

HOUR_MS = 3_600_000


def clicks_of(user_id: str, *item_ids: str, offset: int = 0, every_ms: int = 1_000) -> list[ClickEvent]:
    """One click an item, a second apart."""
    return [
        make_click(user_id, item_id, (offset + number) * every_ms, offset=offset + number)
        for number, item_id in enumerate(item_ids)
    ]


def records_of(clicks: Sequence[ClickEvent]) -> list[ClickRecord]:
    """The clicks as they lie in the topic."""
    return [click.record for click in clicks]


def scores(pipeline: Pipeline, clicks: Sequence[ClickEvent]) -> ScoredClicks:
    """Take one micro-batch through the pipeline; return its scores."""
    scored = run(pipeline, records_of(clicks)).scored
    assert scored is not None
    return scored


def rows_of(computed: ComputedBatch) -> list[ScoredByHand]:
    """Spell out the scored clicks of a micro-batch."""
    scored = computed.report.scored
    assert scored is not None
    columns = (scored.position, scored.history_length, scored.strategy, scored.rank, scored.popular_rank)
    rows = []
    for position, history, code, rank, popular_rank in zip(*(column.tolist() for column in columns), strict=True):
        click = computed.clicks[position]
        place = click.record.partition, click.record.offset
        rows.append(ScoredByHand(*place, click.user_id, click.item_id, history, STRATEGIES[code], rank, popular_rank))
    return rows


def cut(records: Sequence[ClickRecord], random: Random, most: int) -> list[Sequence[ClickRecord]]:
    """Cut records into micro-batches of random sizes."""
    batches, start = [], 0
    while start < len(records):
        end = start + random.randint(1, most)
        batches.append(records[start:end])
        start = end
    return batches


# ---- the parts


# ---- who had a list


def test_a_first_click_had_no_list_and_a_second_one_has(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """Its rank is the place of its item in the list that the first click brought about."""
    broker = RecordingWriter()
    pipeline = make_pipeline(tiny_artifact, runtime, store=MemoryRows(), writer=broker, prequential=True)
    assert len(scores(pipeline, clicks_of("ann", "item-04"))) == 0
    (listed,) = lists_by_click(broker).values()
    third = json.loads(listed)["items"][2]
    second = scores(pipeline, clicks_of("ann", third, offset=1))
    assert (second.rank.tolist(), second.history_length.tolist(), second.is_known.tolist()) == ([3], [1], [True])
    assert STRATEGIES[second.strategy[0]] is Strategy.PERSONAL


def test_a_click_on_an_unknown_item_is_a_miss(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """It is told apart; lists are popular until the model knows something."""
    pipeline = make_pipeline(tiny_artifact, runtime, store=MemoryRows(), writer=RecordingWriter(), prequential=True)
    scored = scores(pipeline, clicks_of("ann", "unknown", "gone", "item-02", "item-01"))
    assert scored.position.tolist() == [1, 2, 3]
    assert scored.is_known.tolist() == [False, True, True]
    assert (scored.rank[:2].tolist(), scored.popular_rank.tolist()) == ([0, 3], [0, 3, 2])
    assert [STRATEGIES[code].value for code in scored.strategy] == ["popular", "popular", "personal"]


def test_without_consent_nothing_is_scored(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """Nor is the list of such a click anyone's: the next one is scored against the one before."""
    pipeline = make_pipeline(tiny_artifact, runtime, store=MemoryRows(), writer=RecordingWriter(), prequential=True)
    clicks = clicks_of("ann", "item-04", "item-05", "item-06")
    clicks[1] = make_click("ann", "item-05", 1_000, offset=1, consent=False)
    scored = scores(pipeline, clicks)
    assert (scored.position.tolist(), scored.history_length.tolist()) == ([2], [1])
    other = make_pipeline(tiny_artifact, runtime, store=MemoryRows(), writer=RecordingWriter(), prequential=True)
    assert scored.rank.tolist() == scores(other, [clicks[0], clicks[2]]).rank.tolist()


def test_a_redelivered_click_is_not_scored_again(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """By a worker that goes on, and by one that begins with what was saved."""
    store = MemoryRows()
    clicks = clicks_of("ann", "item-04", "item-05", "item-06", "item-07")
    pipeline = make_pipeline(tiny_artifact, runtime, store=store, writer=RecordingWriter(), prequential=True)
    assert scores(pipeline, clicks[:3]).history_length.tolist() == [1, 2]
    assert len(scores(pipeline, clicks[:3])) == 0
    again = make_pipeline(tiny_artifact, runtime, store=store, writer=RecordingWriter(), prequential=True)
    assert scores(again, clicks).history_length.tolist() == [3]


def test_an_expired_state_has_no_list(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """In a micro-batch of several clicks too; the user starts over with no history."""
    pipeline = make_pipeline(
        tiny_artifact, runtime, store=MemoryRows(), writer=RecordingWriter(), prequential=True, state_ttl_ms=HOUR_MS
    )
    at_ms = [0, 1_000, 2 * HOUR_MS, 2 * HOUR_MS + 1_000]
    clicks = [make_click("ann", "item-04", at, offset=offset) for offset, at in enumerate(at_ms)]
    assert scores(pipeline, clicks).position.tolist() == [1, 3]
    assert len(scores(pipeline, [make_click("ann", "item-04", 5 * HOUR_MS, offset=4)])) == 0


@pytest.mark.parametrize("per_click", [True, False])
def test_another_models_state_had_none_of_our_lists(
    tiny_artifact: Artifact, runtime: ModelRuntime, *, per_click: bool
) -> None:
    """The first click after a change of model is not scored; its list, of the rebuilt state, is."""
    store = MemoryRows()
    first = make_pipeline(tiny_artifact, runtime, store=store, writer=RecordingWriter())
    run(first, records_of(clicks_of("ann", "item-04")))
    foreign = replace(decode_state(store.rows[0, b"ann"]), slots=((OTHER_MODEL, b"other tensors"),))
    store.install([StateRow(0, b"ann", encode_state(foreign))], {})
    pipeline = make_pipeline(
        tiny_artifact,
        runtime,
        store=store,
        writer=RecordingWriter(),
        prequential=True,
        per_click=per_click,
        hot_users=1,
    )
    # Leaves a list of his in the only row.
    scores(pipeline, clicks_of("bob", "item-04"))
    assert len(scores(pipeline, clicks_of("ann", "item-05", offset=1))) == 0
    scored = scores(pipeline, clicks_of("ann", "item-06", offset=2))
    assert STRATEGIES[scored.strategy[0]] is Strategy.REBUILT
    assert scored.history_length.tolist() == [2]


def test_an_unreadable_state_had_no_list(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    store = MemoryRows({(0, b"ann"): b"\x01 damaged"})
    pipeline = make_pipeline(tiny_artifact, runtime, store=store, writer=RecordingWriter(), prequential=True)
    assert scores(pipeline, clicks_of("ann", "item-04", "item-05")).position.tolist() == [1]


def test_a_list_ends_where_no_more_items_are_available(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """Of thirty items three are: clicks on the others are misses, whatever fills the rest of ten places."""
    unavailable = [index for index in range(30) if index not in {3, 7, 20}]
    broker = RecordingWriter()
    pipeline = make_pipeline(
        tiny_artifact, runtime, store=MemoryRows(), writer=broker, prequential=True, unavailable=unavailable
    )
    clicks = clicks_of("ann", "unknown", *(f"item-{index:02}" for index in range(30)), "item-00")
    scored = scores(pipeline, clicks)
    lists = [json.loads(body)["items"] for _, body in sorted(lists_by_click(broker).items())]
    assert {len(items) for items in lists} == {3}
    expected = [
        items.index(click.item_id) + 1 if click.item_id in items else 0
        for items, click in zip(lists, clicks[1:], strict=False)
    ]
    assert scored.rank.tolist() == expected
    assert np.count_nonzero(expected) == 3
    assert scored.popular_rank[[3, 7, 20]].tolist() == [1, 2, 3]
    assert np.count_nonzero(scored.popular_rank) == 3


def test_nothing_is_scored_where_nobody_asks(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    pipeline = make_pipeline(tiny_artifact, runtime, store=MemoryRows(), writer=RecordingWriter())
    assert run(pipeline, records_of(clicks_of("ann", "item-04", "item-05"))).scored is None


# ---- whichever way the clicks come


@pytest.mark.parametrize("exclude_seen", [False, True])
@pytest.mark.parametrize("most", [1, 8, 1_000])
@pytest.mark.parametrize("hot_users", [2, 1_000])
def test_scores_are_those_of_the_published_lists(
    tiny_artifact: Artifact, runtime: ModelRuntime, *, most: int, hot_users: int, exclude_seen: bool
) -> None:
    """Click by click or all at once, with an arena that everyone leaves again and again, with a restart halfway."""
    partitions = clicks_with_everything(Random(4), 400)
    records = [record for partition in partitions for record in partition]
    store, broker = MemoryRows(), RecordingWriter()
    found: list[ScoredByHand] = []
    for half in (records[:230], records[230:]):
        pipeline = make_pipeline(
            tiny_artifact,
            runtime,
            store=store,
            writer=broker,
            prequential=True,
            exclude_seen=exclude_seen,
            # Room for the users of one micro-batch.
            hot_users=max(hot_users, min(most, 6)),
        )
        for batch in cut(half, Random(6), most):
            computed = pipeline.compute(batch)
            store.install(computed.states, {})
            for record in computed.outgoing:
                broker.keep(record)
            found += rows_of(computed)
    lists = lists_by_click(broker).values()
    assert found == score_by_hand(tiny_artifact, records, lists, exclude_seen=exclude_seen)
    assert len(found) > 250
    assert 20 < sum(one.rank > 0 for one in found) < 240
    assert len({one.strategy for one in found}) == 2


def test_an_abandoned_micro_batch_leaves_no_list(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """What it computed is forgotten: its clicks come again and are scored against the lists that were published."""
    clicks = clicks_of("ann", "item-04", "item-05", "item-06")
    pipeline = make_pipeline(tiny_artifact, runtime, store=MemoryRows(), writer=RecordingWriter(), prequential=True)
    scores(pipeline, clicks[:1])
    abandoned = pipeline.compute(records_of(clicks[1:]))
    pipeline.forget()
    again = pipeline.compute(records_of(clicks[1:]))
    assert rows_of(again) == rows_of(abandoned)
    assert len(rows_of(again)) == 2


def test_per_batch_a_click_is_scored_against_the_list_of_the_batches_before(
    tiny_artifact: Artifact, runtime: ModelRuntime
) -> None:
    """All clicks of a user in a micro-batch against the same one; none where he began in it."""
    store, broker = MemoryRows(), RecordingWriter()
    pipeline = make_pipeline(
        tiny_artifact, runtime, store=store, writer=broker, prequential=True, per_click=False, exclude_seen=True
    )
    batches = [clicks_of("ann", "item-04", "item-05"), clicks_of("ann", "item-06", "item-07", "item-08", offset=2)]
    assert len(scores(pipeline, batches[0])) == 0
    scored = scores(pipeline, batches[1])
    items = json.loads(lists_by_click(broker)[0, 1])["items"]
    expected = [items.index(one.item_id) + 1 if one.item_id in items else 0 for one in batches[1]]
    assert scored.rank.tolist() == expected
    assert scored.history_length.tolist() == [2, 3, 4]
    # Of item-00 to item-09 two are left out.
    assert scored.popular_rank.tolist() == [5, 6, 7]
    restarted = make_pipeline(
        tiny_artifact, runtime, store=store, writer=broker, prequential=True, per_click=False, exclude_seen=True
    )
    before = rows_of(restarted.compute(records_of(clicks_of("ann", "item-09", offset=5))))
    assert before == rows_of(pipeline.compute(records_of(clicks_of("ann", "item-09", offset=5))))
    assert len(before) == 1


def test_per_batch_a_state_that_starts_over_in_a_batch_has_no_list_in_it(
    tiny_artifact: Artifact, runtime: ModelRuntime
) -> None:
    """The list of before it expired is nobody's, for its later clicks too."""
    pipeline = make_pipeline(
        tiny_artifact,
        runtime,
        store=MemoryRows(),
        writer=RecordingWriter(),
        prequential=True,
        per_click=False,
        state_ttl_ms=HOUR_MS,
    )
    scores(pipeline, [make_click("ann", "item-04", 0, offset=0)])
    at_ms = [1_000, 2 * HOUR_MS, 2 * HOUR_MS + 1_000]
    clicks = [make_click("ann", "item-04", at, offset=1 + offset) for offset, at in enumerate(at_ms)]
    assert scores(pipeline, clicks).position.tolist() == [0]
