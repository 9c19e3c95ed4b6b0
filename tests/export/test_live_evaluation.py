"""Evaluation with live counts on logs so small that the right lists are known."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from export.artifact import Artifact
from export.artifact_evaluation import evaluate_artifact
from export.live_evaluation import RankedAt, evaluate_live
from models.counts.recipe import CountsRecipe
from models.errors import ArtifactError, DataError
from tests.factories import make_click_table, make_tiny_artifact

HOUR_MS = 3_600_000
RECIPE = CountsRecipe(strength=1_000.0, popularity_half_life=360)


@pytest.fixture(scope="module")
def live_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """An untrained network, and counts that outweigh it by far."""
    return make_tiny_artifact(tmp_path_factory.mktemp("live") / "artifact", list_length=10, counts=RECIPE)


def _item(number: int) -> str:
    return f"item-{number:02}"


def _when(row: tuple[object, ...]) -> int:
    return row[2] if isinstance(row[2], int) else 0


def _session(user: str, start_ms: int, items: Sequence[int], gap_ms: int = 20_000) -> list[tuple[object, ...]]:
    return [(user, _item(item), start_ms + gap_ms * number) for number, item in enumerate(items)]


EVERYONE_GOES_FROM_4_TO_9 = make_click_table(
    sorted([row for user in range(30) for row in _session(f"u{user}", 1_000 * user, [4, 9])], key=_when)
)


def _recall(artifact: Artifact, *, start_ms: int, delay_ms: int, ranked_at: RankedAt = "request") -> float:
    """One user goes from 4 to 9 as well."""
    clicks = make_click_table(_session("ann", start_ms, [4, 9]))
    report = evaluate_live(artifact, EVERYONE_GOES_FROM_4_TO_9, clicks, delay_ms=delay_ms, ranked_at=ranked_at)
    assert (report.predictions, report.clicks) == (1, 2)
    return report.model["Recall@1"]


def test_what_followed_a_minute_ago_is_listed_first(live_artifact: Artifact) -> None:
    assert _recall(live_artifact, start_ms=120_000, delay_ms=0) == 1.0
    assert _recall(live_artifact, start_ms=120_000, delay_ms=60_000) == 1.0


def test_what_happened_within_the_delay_is_not_known(live_artifact: Artifact) -> None:
    """The network knows nothing of 9; the counts are an hour behind."""
    assert _recall(live_artifact, start_ms=120_000, delay_ms=HOUR_MS) == 0.0


def test_a_bucket_counts_from_its_end_on(live_artifact: Artifact) -> None:
    """The first to go to 9 do so at 20 seconds; their bucket ends at 30, and the list at 29.999 knows nothing of it."""
    assert _recall(live_artifact, start_ms=9_999, delay_ms=0) == 0.0
    assert _recall(live_artifact, start_ms=10_000, delay_ms=0) == 1.0


def test_a_list_made_at_the_click_before_knows_less(live_artifact: Artifact) -> None:
    """At 10 seconds nobody had gone to 9; at 30 ten users had."""
    assert _recall(live_artifact, start_ms=10_000, delay_ms=0, ranked_at="click") == 0.0
    assert _recall(live_artifact, start_ms=30_000, delay_ms=0, ranked_at="click") == 1.0


def test_nobody_sees_what_he_or_others_click_in_the_same_bucket(live_artifact: Artifact) -> None:
    """All thirty click within ten seconds: no list knows of any, and all of them are misses alike."""
    rows = [row for user in range(30) for row in _session(f"u{user}", 10 * user, [4, 9], gap_ms=5_000)]
    clicks = make_click_table(sorted(rows, key=_when))
    report = evaluate_live(live_artifact, clicks.head(0), clicks, delay_ms=0)
    assert (report.predictions, report.model["Recall@1"], report.popularity["Recall@1"]) == (30, 0.0, 0.0)


def test_popularity_is_as_live_as_the_lists(live_artifact: Artifact) -> None:
    """Item 20 is what everyone clicks now."""
    now = make_click_table([(f"v{user}", _item(20), 100_000 + user) for user in range(50)])
    clicks = make_click_table(_session("ann", 120_000, [1, 20]))
    report = evaluate_live(live_artifact, now, clicks, delay_ms=0)
    assert report.popularity["Recall@1"] == 1.0


def test_an_artifact_without_counts_is_refused(tiny_artifact: Artifact) -> None:
    with pytest.raises(ArtifactError, match="has no live counts: fit them with `nextclick fit-counts`"):
        evaluate_live(tiny_artifact, EVERYONE_GOES_FROM_4_TO_9, EVERYONE_GOES_FROM_4_TO_9, delay_ms=0)


def test_useless_counts_add_nothing_to_the_lists(live_artifact: Artifact, tmp_path: Path) -> None:
    """Figures are those of the plain evaluation of the same sessions, and the popularity beside them is live."""
    useless = make_tiny_artifact(tmp_path / "useless", list_length=10, counts=replace(RECIPE, useless=True))
    rows = [row for user in range(6) for row in _session(f"v{user}", 200_000 + user, [user, 4, 9, user + 6])]
    clicks = make_click_table(sorted(rows, key=_when))
    plain = evaluate_artifact(useless, clicks)
    live = evaluate_live(useless, EVERYONE_GOES_FROM_4_TO_9, clicks, delay_ms=0)
    ranked = [name for name in live.model if not name.startswith("Coverage")]
    assert [live.model[name] for name in ranked] == [plain.model[name] for name in ranked]
    counted = evaluate_live(live_artifact, EVERYONE_GOES_FROM_4_TO_9, clicks, delay_ms=0)
    assert live.popularity == counted.popularity
    assert live.model != counted.model


def test_single_clicks_cannot_be_evaluated(live_artifact: Artifact) -> None:
    with pytest.raises(DataError, match="no session has two clicks"):
        evaluate_live(live_artifact, EVERYONE_GOES_FROM_4_TO_9, make_click_table([("ann", _item(1))]), delay_ms=0)
