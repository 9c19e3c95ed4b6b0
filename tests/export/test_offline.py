import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from export.artifact import Artifact
from export.offline import lists_after_clicks
from export.runtime import ModelRuntime
from models.sequences.features import EventType, TimeGap
from models.sequences.vocabulary import ItemId, UserId
from models.session_rule import SessionRule
from tests.factories import make_click_table, make_tiny_artifact
from workers.click_columns import click_columns
from workers.events import ClickEvent, ClickRecord
from workers.loading import StateLoader
from workers.ranking import Ranker
from workers.stepping import Stepper


class NoStates:
    """A store that has never seen anybody."""

    def load(self, partition: int, user_key: bytes) -> bytes | None:
        """Find nothing."""

    def install(self, rows: object, changelog_offsets: object) -> None:
        """Keep nothing."""


@pytest.fixture(scope="module")
def demanding_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """Both features, sessions by id and by gap, float16 state, seen items left out, a short ring."""
    return make_tiny_artifact(
        tmp_path_factory.mktemp("demanding") / "artifact",
        features=(TimeGap(mean=2.0, std=1.5), EventType(categories=("view", "cart"))),
        session_rule=SessionRule(by_id=True, gap_ms=60_000),
        exclude_seen=True,
        ring_length=3,
    )


ScoredList = tuple[list[ItemId], list[float]]


def _scored_lists(artifact: Artifact, clicks: pl.DataFrame, *, exclude_seen: bool | None = None) -> list[ScoredList]:
    """Return each click's items and scores in the table's order, what is not listed left out."""
    lists: dict[int, ScoredList] = {}
    for block in lists_after_clicks(artifact, clicks, exclude_seen=exclude_seen):
        for row, items, scores in zip(block.click.tolist(), block.top_item, block.top_score, strict=True):
            assert row not in lists
            listed = np.isfinite(scores)
            item_ids = [artifact.vocabulary.item_id_of(item) for item in items[listed].tolist()]
            lists[row] = (item_ids, scores[listed].tolist())
    return [lists[row] for row in range(len(clicks))]


def _lists(artifact: Artifact, clicks: pl.DataFrame, *, exclude_seen: bool | None = None) -> list[list[ItemId]]:
    """Return each click's items in the table's order."""
    return [items for items, _ in _scored_lists(artifact, clicks, exclude_seen=exclude_seen)]


def _worker_lists(artifact: Artifact, clicks: pl.DataFrame) -> list[ScoredList]:
    """Return what the worker's steps 2 to 5 make of the clicks in one micro-batch."""
    events = [
        ClickEvent(
            record=ClickRecord("clicks", 0, offset, 0, None, None),
            user_id=UserId(row["user_id"]),
            item_id=ItemId(row["item_id"]),
            timestamp_ms=row["timestamp_ms"],
            session_id=row["session_id"],
            event_type=row["event_type"],
        )
        for offset, row in enumerate(clicks.iter_rows(named=True))
    ]
    runtime = ModelRuntime(artifact)
    loader = StateLoader(runtime, artifact.vocabulary, NoStates(), capacity=10)
    rows = loader.load([(0, event.user_id.encode()) for event in events]).rows
    stepper = Stepper(runtime, loader.arena, state_ttl_ms=None, with_seen=True)
    stepped, _ = stepper.step(click_columns(events, artifact.vocabulary), rows, np.ones(len(events), dtype=np.bool_))
    no_bias = np.zeros(len(artifact.vocabulary), np.float32)
    ranker = Ranker(artifact, runtime, item_bias=no_bias, exclude_seen=artifact.manifest.exclude_seen)
    lists: list[ScoredList] = []
    for top_item, top_score in zip(*ranker.rank(stepped), strict=True):
        listed = np.isfinite(top_score)
        item_ids = [artifact.vocabulary.item_id_of(item) for item in top_item[listed].tolist()]
        lists.append((item_ids, top_score[listed].tolist()))
    return lists


_CLICKS = st.lists(
    st.tuples(
        st.sampled_from(["ada", "bob", "cleo"]),
        st.sampled_from(["item-00", "item-01", "item-02", "item-07", "item-29", "gone"]),
        st.sampled_from([0, 1_000, 59_000, 60_000, 60_001, 200_000]),
        st.sampled_from([None, "morning", "evening"]),
        st.sampled_from([None, "view", "cart", "stare"]),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=_CLICKS)
def test_the_lists_are_the_workers_item_by_item_and_score_by_score(
    demanding_artifact: Artifact, rows: list[tuple[str, str, int, str | None, str | None]]
) -> None:
    """Late clicks, unknown items, new sessions, full rings: whatever comes, both do the same with it."""
    clicks = make_click_table(rows)
    assert _scored_lists(demanding_artifact, clicks) == _worker_lists(demanding_artifact, clicks)


def test_users_do_not_touch_each_other(tiny_artifact: Artifact) -> None:
    """A user's lists are the same alone and among 70 others, more than one run of the graphs takes."""
    alone = make_click_table([("ada", "item-03"), ("ada", "item-08"), ("ada", "item-03")])
    crowd = make_click_table([(f"user-{number}", f"item-{number % 30:02}") for number in range(70)])
    together = pl.concat([alone[:1], crowd, alone[1:2], crowd, alone[2:]])
    lists = _lists(tiny_artifact, together)
    assert [lists[0], lists[71], lists[142]] == _lists(tiny_artifact, alone)


def test_seen_items_are_left_out_the_one_just_clicked_included(tiny_artifact: Artifact) -> None:
    """The ring has five places: the sixth click pushes the first out."""
    items = ["item-00", "item-01", "item-02", "item-03", "item-04", "item-05"]
    lists = _lists(tiny_artifact, make_click_table([("ada", item) for item in items]), exclude_seen=True)
    assert not set(lists[4]) & set(items[:5])
    assert not set(lists[5]) & set(items[1:])
    assert all(len(one) == 10 for one in lists)


def test_a_user_of_whom_nothing_is_known_gets_the_popular_list(tiny_artifact: Artifact) -> None:
    """An item that the vocabulary does not hold leaves the state as it is: empty at first, then not."""
    clicks = make_click_table([("ada", "gone"), ("ada", "item-09"), ("ada", "gone")])
    first, second, third = _lists(tiny_artifact, clicks)
    assert first == [f"item-{number:02}" for number in range(10)]
    assert second != first
    assert third == second


def test_a_new_session_starts_over(tiny_artifact: Artifact) -> None:
    """By the tiny artifact's rule sessions go by their ids."""
    clicks = make_click_table(
        [
            ("ada", "item-09", 0, "morning"),
            ("ada", "item-04", 1, "morning"),
            ("ada", "item-04", 2, "evening"),
            ("bob", "item-04", 3, "noon"),
        ]
    )
    _, in_session, begun, of_bob = _lists(tiny_artifact, clicks)
    assert begun == of_bob
    assert in_session != begun
