from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from export.artifact import Artifact
from export.runtime import ModelRuntime
from tests.click_records import make_click
from tests.workers.click_runs import SteppedClick, StepRun
from workers.events import ClickEvent, Strategy
from workers.ranking import Ranker
from workers.stepping import join_stepped

NO_BIAS = np.zeros(30, np.float32)


class Listed(NamedTuple):
    """One list, cut behind the last item that may be listed."""

    click: ClickEvent
    items: tuple[str, ...]
    scores: NDArray[np.float32]
    strategy: Strategy


@dataclass
class Lists:
    """A ranker of the tiny model, lists of 10 of its 30 items, that takes and gives clicks one by one."""

    artifact: Artifact
    ranker: Ranker

    def rank(self, stepped: Sequence[SteppedClick]) -> list[Listed]:
        """Rank them as one batch."""
        if not stepped:
            return []
        ranked = self.ranker.rank(join_stepped([one.columns for one in stepped]))
        lists = []
        for one, top_item, top_score in zip(stepped, *ranked, strict=True):
            listed = np.isfinite(top_score)
            items = tuple(str(self.artifact.vocabulary.item_id_of(item)) for item in top_item[listed].tolist())
            lists.append(Listed(one.click, items, top_score[listed], one.strategy))
        return lists


def make_ranker(
    artifact: Artifact,
    runtime: ModelRuntime,
    *,
    item_bias: NDArray[np.float32] = NO_BIAS,
    exclude_seen: bool = False,
) -> Lists:
    """Lists of the tiny model."""
    return Lists(artifact, Ranker(artifact, runtime, item_bias=item_bias, exclude_seen=exclude_seen))


def bias_of(**biases: float) -> NDArray[np.float32]:
    """`item_07=-1.0` biases item-07."""
    item_bias = NO_BIAS.copy()
    for name, bias in biases.items():
        item_bias[int(name.removeprefix("item_"))] = bias
    return item_bias


def only(*names: str) -> NDArray[np.float32]:
    """Make every other item unavailable."""
    item_bias = np.full(30, -np.inf, np.float32)
    item_bias[[int(name.removeprefix("item-")) for name in names]] = 0
    return item_bias


@pytest.fixture
def stepped(tiny_artifact: Artifact, runtime: ModelRuntime) -> list[SteppedClick]:
    """40 clicks: of many users and of one, some on unknown items, some without consent."""
    run = StepRun(tiny_artifact, runtime)
    return run.step(
        [
            make_click(
                "ann" if offset % 3 else f"user-{offset}",
                "unknown" if offset % 7 == 0 else f"item-{offset % 30:02}",
                offset=offset,
                consent=offset % 5 != 0,
            )
            for offset in range(40)
        ]
    )


def one_click(tiny_artifact: Artifact, runtime: ModelRuntime, item_id: str, *, consent: bool = True) -> SteppedClick:
    """A user's first click."""
    return StepRun(tiny_artifact, runtime).step([make_click(item_id=item_id, consent=consent)])[0]


def as_bytes(one: Listed) -> tuple[int, tuple[str, ...], bytes, Strategy]:
    """Everything that a list says."""
    return one.click.record.offset, one.items, one.scores.tobytes(), one.strategy


@pytest.mark.parametrize("exclude_seen", [False, True])
def test_a_list_is_the_same_in_any_batch(
    tiny_artifact: Artifact, runtime: ModelRuntime, stepped: list[SteppedClick], exclude_seen: bool
) -> None:
    """Alone, among others and in another order, with popular lists between: the same items and scores, bit for bit."""
    ranker = make_ranker(tiny_artifact, runtime, exclude_seen=exclude_seen)
    assert len(stepped) > 2 * tiny_artifact.manifest.ranking.rows_per_run
    alone = [as_bytes(ranker.rank([one])[0]) for one in stepped]
    assert [as_bytes(one) for one in ranker.rank(stepped)] == alone
    assert [as_bytes(one) for one in ranker.rank(stepped[::-1])] == alone[::-1]
    assert [as_bytes(one) for one in ranker.rank(stepped[5:22])] == alone[5:22]
    assert {strategy for *_, strategy in alone} == {"personal", "single_click", "popular"}


def test_a_list_holds_k_items_best_first(
    tiny_artifact: Artifact, runtime: ModelRuntime, stepped: list[SteppedClick]
) -> None:
    """Each once, with a score that never rises."""
    for one in make_ranker(tiny_artifact, runtime).rank(stepped):
        assert len(set(one.items)) == len(one.items) == len(one.scores) == 10
        assert (np.diff(one.scores) <= 0).all()
        assert one.scores.dtype == np.float32


def test_seen_items_are_left_out_before_the_best_k_are_taken(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """The ring's five items make room for the next best: ten remain, in their order."""
    run = StepRun(tiny_artifact, runtime)
    *_, newest = run.step([make_click(item_id=f"item-{item:02}", offset=item) for item in range(7)])
    everything = [item for item in ranked_whole(newest, runtime) if item not in range(2, 7)]
    (filtered,) = make_ranker(tiny_artifact, runtime, exclude_seen=True).rank([newest])
    assert filtered.items == tuple(f"item-{item:02}" for item in everything[:10])


def ranked_whole(one: SteppedClick, runtime: ModelRuntime) -> list[int]:
    """All 30 items, best first, ten at a time: those listed become unavailable for the next ten."""
    item_bias = NO_BIAS.copy()
    ranked: list[int] = []
    for _ in range(3):
        top_item, _scores = runtime.rank(one.tensors, np.full((1, 5), -1, np.int64), item_bias)
        ranked += top_item[0].tolist()
        item_bias[top_item[0]] = -np.inf
    return ranked


def test_unknown_items_of_the_ring_leave_nothing_out(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """They are in no list anyway."""
    run = StepRun(tiny_artifact, runtime)
    *_, newest = run.step([make_click(item_id="item-04", offset=0), make_click(item_id="unknown", offset=1)])
    (filtered,) = make_ranker(tiny_artifact, runtime, exclude_seen=True).rank([newest])
    assert len(filtered.items) == 10
    assert "item-04" not in filtered.items


@pytest.mark.parametrize(("item_id", "consent"), [("item-04", True), ("unknown", True), ("item-04", False)])
def test_unavailable_items_are_never_listed(
    tiny_artifact: Artifact, runtime: ModelRuntime, item_id: str, consent: bool
) -> None:
    """Whoever asks: lists are shorter than K where fewer items are available, and say nothing of the others."""
    one = one_click(tiny_artifact, runtime, item_id, consent=consent)
    available = ("item-01", "item-04", "item-05", "item-20")
    (listed,) = make_ranker(tiny_artifact, runtime, item_bias=only(*available)).rank([one])
    assert sorted(listed.items) == sorted(available)
    assert len(listed.scores) == 4
    assert np.isfinite(listed.scores).all()
    (unseen,) = make_ranker(tiny_artifact, runtime, item_bias=only(*available), exclude_seen=True).rank([one])
    assert sorted(unseen.items) == sorted(set(available) - {item_id})


@pytest.mark.parametrize("item_id", ["item-04", "unknown"])
def test_a_shop_without_items_gives_empty_lists(tiny_artifact: Artifact, runtime: ModelRuntime, item_id: str) -> None:
    """A list all the same: the click is answered."""
    (listed,) = make_ranker(tiny_artifact, runtime, item_bias=only()).rank([one_click(tiny_artifact, runtime, item_id)])
    assert listed.items == ()
    assert listed.scores.shape == (0,)


@pytest.mark.parametrize("item_id", ["item-04", "unknown"])
def test_a_bias_moves_its_item_in_every_list(tiny_artifact: Artifact, runtime: ModelRuntime, item_id: str) -> None:
    """Personal and popular lists share one rule."""
    one = one_click(tiny_artifact, runtime, item_id)
    (plain,) = make_ranker(tiny_artifact, runtime).rank([one])
    (boosted,) = make_ranker(tiny_artifact, runtime, item_bias=bias_of(item_29=100.0)).rank([one])
    assert "item-29" not in plain.items[:1]
    assert boosted.items[0] == "item-29"
    assert boosted.items[1:] == tuple(item for item in plain.items if item != "item-29")[:9]


def test_the_popular_list_is_what_was_clicked_most_in_training(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """Clicks of item-00 to item-29 were 300, 290, ... 10; a score is the log share, one click added to each item."""
    (popular,) = make_ranker(tiny_artifact, runtime).rank([one_click(tiny_artifact, runtime, "unknown")])
    assert popular.strategy is Strategy.POPULAR
    assert popular.items == tuple(f"item-{item:02}" for item in range(10))
    assert popular.scores[0] == pytest.approx(np.log(301 / 4680))
    assert popular.scores[9] == pytest.approx(np.log(211 / 4680))


def test_the_popular_list_leaves_out_what_was_seen(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """A new session of unknown items still knows the ring."""
    run = StepRun(tiny_artifact, runtime)
    *_, newest = run.step(
        [
            *(make_click(item_id=item, offset=offset, session_id="s1") for offset, item in enumerate(SEEN)),
            make_click(item_id="unknown", offset=len(SEEN), session_id="s2"),
        ]
    )
    (popular,) = make_ranker(tiny_artifact, runtime, exclude_seen=True).rank([newest])
    assert popular.strategy is Strategy.POPULAR
    assert popular.items == tuple(f"item-{item:02}" for item in (2, 4, 5, 6, 7, 8, 9, 10, 11, 12))


SEEN = ("item-00", "item-03", "item-01", "item-03")


def test_nothing_stepped_is_nothing_listed(
    tiny_artifact: Artifact, runtime: ModelRuntime, stepped: list[SteppedClick]
) -> None:
    """A micro-batch of rejected records."""
    nothing = stepped[0].columns.take(np.array([], dtype=np.int64))
    top_item, top_score = make_ranker(tiny_artifact, runtime).ranker.rank(nothing)
    assert top_item.shape == top_score.shape == (0, 10)


def test_the_newest_click_of_each_user_stays(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """In offset order; a click without consent is nobody's and stays, and partitions do not share users."""
    stepped = StepRun(tiny_artifact, runtime).step(
        [
            make_click("ann", offset=0),
            make_click("bob", offset=1),
            make_click("ann", offset=2, consent=False),
            make_click("ann", offset=3),
            make_click("ann", offset=4, consent=False),
            make_click("ann", offset=0, partition=1),
        ]
    )
    kept = join_stepped([one.columns for one in sorted(stepped, key=position_of)]).newest_per_user()
    assert kept.position.tolist() == [1, 2, 3, 4, 5]


def position_of(one: SteppedClick) -> int:
    """Where the click was in its micro-batch."""
    return int(one.columns.position[0])
