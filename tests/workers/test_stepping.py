from collections import Counter
from random import Random

import pytest

from export.artifact import Artifact
from export.runtime import ModelRuntime
from tests.click_records import make_click
from tests.workers.click_runs import StepRun, cut, seeded, tensors_by_offset
from workers.events import ClickEvent, Strategy
from workers.stepping import StepCounts

DAY_MS = 86_400_000


def random_clicks(random: Random, count: int = 60) -> list[ClickEvent]:
    """Clicks of five users on two partitions: sessions, late clicks, unknown items, some without consent."""
    clicks = []
    offsets: Counter[int] = Counter()
    for number in range(count):
        user = random.choice(["ann", "bob", "cat", "dan", "eve"])
        partition = ord(user[0]) % 2
        clicks.append(
            make_click(
                user,
                random.choice(["item-03", "item-07", "item-11", "item-29", "unknown"]),
                number * 20_000 + random.choice([0, 0, -300_000, 3_600_000]),
                offset=offsets[partition],
                partition=partition,
                session_id=random.choice([None, "s1", "s2"]),
                event_type=random.choice([None, "view", "cart", "wish"]),
                consent=random.random() > 0.1,
            )
        )
        offsets[partition] += 1
    return clicks


@pytest.mark.parametrize("seed", range(12))
def test_any_batch_cut_gives_the_states_of_one_click_at_a_time(
    featured_artifact: Artifact, featured_runtime: ModelRuntime, seed: int
) -> None:
    """Tensors, strategies and saved records are the same bytes, also where batches begin with redelivered clicks."""
    random = seeded(seed)
    clicks = random_clicks(random)
    one_by_one = StepRun(featured_artifact, featured_runtime)
    for click in clicks:
        one_by_one.step([click])
    in_batches = StepRun(featured_artifact, featured_runtime, hot_users=random.choice([0, 35, 1_000]))
    done = 0
    for batch in cut(clicks, random, most=25):
        redelivered = clicks[max(0, done - random.randint(0, 10)) : done]
        in_batches.step([*redelivered, *batch])
        done += len(batch)
    assert in_batches.store.rows == one_by_one.store.rows
    assert tensors_by_offset(in_batches.stepped) == tensors_by_offset(one_by_one.stepped)


@pytest.mark.parametrize("seed", range(6))
def test_any_batch_cut_gives_the_same_after_a_change_of_model(
    tiny_artifact: Artifact,
    runtime: ModelRuntime,
    featured_artifact: Artifact,
    featured_runtime: ModelRuntime,
    seed: int,
) -> None:
    """Rebuilt states, and which lists say that they are, do not depend on the cut."""
    random = seeded(100 + seed)
    clicks = random_clicks(random)
    outcomes = []
    for most in (1, 25):
        old = StepRun(tiny_artifact, runtime)
        for click in clicks[:30]:
            old.step([click])
        new = StepRun(featured_artifact, featured_runtime, store=old.store)
        for batch in cut(clicks[30:], random, most=most):
            new.step(batch)
        outcomes.append((tensors_by_offset(new.stepped), new.store.rows))
    assert outcomes[0] == outcomes[1]
    assert {strategy for _, strategy in outcomes[0][0].values()} >= {"rebuilt", "personal"}


def test_redelivered_clicks_are_counted_and_nothing_more(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """At or below `last_offset` a click has its list already."""
    run = StepRun(tiny_artifact, runtime)
    clicks = [make_click(item_id=f"item-{offset:02}", offset=offset) for offset in range(4)]
    run.step(clicks[:3])
    before = dict(run.store.rows)
    assert run.step(clicks[:3]) == []
    assert run.store.rows == before
    assert [one.click for one in run.step(clicks)] == [clicks[3]]
    assert run.counts == [
        StepCounts(applied=3),
        StepCounts(redelivered=3),
        StepCounts(applied=1, redelivered=3),
    ]


def test_a_click_twice_in_one_batch_is_applied_once(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """A fetch may overlap itself after a seek."""
    run = StepRun(tiny_artifact, runtime)
    click = make_click(offset=5)
    assert len(run.step([click, click])) == 1
    assert run.state_of("ann").clicks == 1


def test_last_offset_is_of_a_partition(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """The same user under two partitions has two states; offsets of one say nothing about the other."""
    run = StepRun(tiny_artifact, runtime)
    run.step([make_click(offset=100, partition=0)])
    assert len(run.step([make_click(offset=3, partition=1)])) == 1
    assert run.state_of("ann", partition=0).last_offset == 100
    assert run.state_of("ann", partition=1).last_offset == 3


def test_late_and_unknown_clicks_are_counted(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """Both are applied, and an unknown item leaves the tensors as they are."""
    run = StepRun(tiny_artifact, runtime)
    clicks = [
        make_click(at_ms=1_000, offset=0),
        make_click(at_ms=500, offset=1),
        make_click(item_id="unknown", at_ms=2_000, offset=2),
        make_click(item_id="unknown", at_ms=700, offset=3),
    ]
    stepped = run.step(clicks)
    assert run.counts == [StepCounts(applied=4, late=2, unknown_items=2)]
    tensors = tensors_by_offset(stepped)
    assert tensors[0, 0] != tensors[0, 1] == tensors[0, 2] == tensors[0, 3]


def test_strategies_say_where_a_list_comes_from(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """Popular until the model knows an item, and again where a new session begins with one that it does not know."""
    run = StepRun(tiny_artifact, runtime)
    stepped = run.step(
        [
            make_click(item_id="unknown", offset=0, session_id="s1"),
            make_click(item_id="item-01", offset=1, session_id="s1"),
            make_click(item_id="unknown", offset=2, session_id="s1"),
            make_click(item_id="unknown", offset=3, session_id="s2"),
        ]
    )
    assert [one.strategy for one in stepped] == ["popular", "personal", "personal", "popular"]
    assert not stepped[3].tensors[0].any()


def test_the_first_list_after_a_change_of_model_says_so(
    tiny_artifact: Artifact, runtime: ModelRuntime, featured_artifact: Artifact, featured_runtime: ModelRuntime
) -> None:
    """Once a user: the next click finds a state that this model made."""
    old = StepRun(tiny_artifact, runtime)
    old.step([make_click(offset=0), make_click("bob", offset=1)])
    new = StepRun(featured_artifact, featured_runtime, store=old.store)
    stepped = new.step([make_click(offset=2), make_click(offset=3), make_click("cat", offset=4)])
    assert [one.strategy for one in stepped] == ["rebuilt", "personal", "personal"]
    assert [one.strategy for one in new.step([make_click(offset=5), make_click("bob", offset=6)])] == [
        "personal",
        "rebuilt",
    ]


@pytest.mark.parametrize("together", [True, False])
def test_nothing_is_called_rebuilt_after_a_list_of_this_models_own(
    tiny_artifact: Artifact,
    runtime: ModelRuntime,
    featured_artifact: Artifact,
    featured_runtime: ModelRuntime,
    together: bool,
) -> None:
    """A ring of unknown items rebuilds to nothing: popular, then personal, in one batch or in two."""
    old = StepRun(tiny_artifact, runtime)
    old.step([make_click(item_id="unknown", offset=0)])
    new = StepRun(featured_artifact, featured_runtime, store=old.store)
    clicks = [make_click(item_id="unknown", offset=1), make_click(item_id="item-01", offset=2)]
    for batch in [clicks] if together else [clicks[:1], clicks[1:]]:
        new.step(batch)
    assert [one.strategy for one in new.stepped] == ["popular", "personal"]


def test_a_new_session_is_never_rebuilt(
    tiny_artifact: Artifact, runtime: ModelRuntime, featured_artifact: Artifact, featured_runtime: ModelRuntime
) -> None:
    """What the other session's ring gave is cleared before it is used."""
    old = StepRun(tiny_artifact, runtime)
    old.step([make_click(session_id="s1", offset=0)])
    new = StepRun(featured_artifact, featured_runtime, store=old.store)
    (stepped,) = new.step([make_click(session_id="s2", offset=1)])
    fresh = StepRun(featured_artifact, featured_runtime)
    (alone,) = fresh.step([make_click(session_id="s2", offset=1)])
    assert stepped.strategy is Strategy.PERSONAL
    assert [tensor.tobytes() for tensor in stepped.tensors] == [tensor.tobytes() for tensor in alone.tensors]


def test_without_consent_nothing_is_read_or_written(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """The list is that of a user of this one click, and the state is as it was."""
    run = StepRun(tiny_artifact, runtime)
    run.step([make_click(item_id="item-09", offset=0)])
    before = dict(run.store.rows)
    (private,) = run.step([make_click(item_id="item-01", offset=1, consent=False)])
    (unknown,) = run.step([make_click(item_id="unknown", offset=2, consent=False)])
    assert run.store.rows == before
    assert not private.is_remembered
    assert (private.strategy, unknown.strategy) == (Strategy.SINGLE_CLICK, Strategy.POPULAR)
    (alone,) = StepRun(tiny_artifact, runtime).step([make_click("bob", "item-01")])
    assert [tensor.tobytes() for tensor in private.tensors] == [tensor.tobytes() for tensor in alone.tensors]
    # The click with consent that follows goes on from the state before it.
    (following,) = run.step([make_click(item_id="item-02", offset=3)])
    assert following.is_remembered
    assert run.state_of("ann").clicks == 2


def test_whoever_was_away_for_longer_than_the_ttl_starts_over(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """In event time: ring, counts and tensors are gone, the offset is not."""
    run = StepRun(tiny_artifact, runtime, state_ttl_ms=DAY_MS)
    run.step([make_click(at_ms=0, offset=0), make_click(at_ms=DAY_MS, offset=1)])
    assert run.state_of("ann").clicks == 2
    (stepped,) = run.step([make_click(at_ms=2 * DAY_MS + 1, offset=2)])
    state = run.state_of("ann")
    assert (state.clicks, state.session_clicks, len(state.ring), state.last_offset) == (1, 1, 16, 2)
    (alone,) = StepRun(tiny_artifact, runtime).step([make_click()])
    assert [tensor.tobytes() for tensor in stepped.tensors] == [tensor.tobytes() for tensor in alone.tensors]
    assert run.step([make_click(at_ms=0, offset=1)]) == []


def test_a_list_is_ranked_from_the_state_after_its_own_click(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """Tensors handed out are copies: the user's later clicks in the batch do not reach them."""
    together = StepRun(tiny_artifact, runtime).step([make_click(offset=0), make_click(offset=1), make_click(offset=2)])
    (alone,) = StepRun(tiny_artifact, runtime).step([make_click(offset=0)])
    assert [tensor.tobytes() for tensor in together[0].tensors] == [tensor.tobytes() for tensor in alone.tensors]


def test_no_clicks_are_no_step(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """A micro-batch of rejected records."""
    run = StepRun(tiny_artifact, runtime)
    assert run.step([]) == []
    assert run.counts == [StepCounts()]
