import msgspec
import pytest
from rich.console import Console

from export.artifact import Artifact, CoarseRanking, Manifest, Ranking
from export.artifact_page import artifact_page
from models.counts.recipe import CountsRecipe
from models.sequences.features import EventType, TimeGap
from models.session_rule import SessionRule


def _page(artifact: Artifact) -> str:
    """Return the page as text, each run of blanks as one."""
    console = Console(width=140, no_color=True)
    with console.capture() as capture:
        console.print(artifact_page(artifact))
    return "\n".join(" ".join(line.split()) for line in capture.get().splitlines())


@pytest.mark.parametrize(
    "line",
    [
        "state hidden float16 (1, 8), cell float16 (1, 8)",
        "state per user 32 bytes",
        "features none beside the item",
        "list length K 10",
        "state starts over when the session id changes",
        "count V 30",
        "columns item_id, popularity, title, category",
        "most clicked Title of item-00 (item-00), 300 clicks",
        "data set tiny",
        "clicks 1,000 in 100 sessions",
        "period 1970-01-01 00:00 UTC to 1970-01-02 00:00 UTC",
        "Recall@20 0.5000",
        "scores every item in float32",
        "recall 1.0000 of the exact top 10, over 256 lists",
        "3 batch bit for bit each user alone, in batches of 1, 2, 3, 7, 16, 64, 256",
    ],
)
def test_the_page_says(tiny_artifact: Artifact, line: str) -> None:
    """What a person wants to know before he deploys it."""
    assert line in _page(tiny_artifact).splitlines()


def test_the_page_names_the_model_its_versions_and_its_files(tiny_artifact: Artifact) -> None:
    """So that two artifacts can be told apart."""
    page = _page(tiny_artifact)
    assert f"model {tiny_artifact.manifest.model_id}" in page
    assert f"torch {tiny_artifact.manifest.libraries['torch']}" in page
    assert f"sha256 {tiny_artifact.manifest.files['step.onnx'][:16]}..." in page


@pytest.mark.parametrize(
    ("counts", "lines"),
    [
        (CountsRecipe(useless=True), ["none they were fitted, and are useless for these lists"]),
        (
            CountsRecipe(trending_users=2.5),
            [
                "buckets 10 s",
                "half lives popularity 6.0 min, transitions 30.0 min, co-occurrence 180.0 min",
                "strength 100, beside the network's scores",
                "clicks of a user 1 at most for an item and bucket",
                "may trend 2.5 users or more",
            ],
        ),
    ],
)
def test_the_page_tells_how_everyones_clicks_count(
    tiny_artifact: Artifact, counts: CountsRecipe, lines: list[str]
) -> None:
    """Also that they are useless."""
    manifest = msgspec.structs.replace(tiny_artifact.manifest, counts=counts)
    page = _page(Artifact(tiny_artifact.folder, manifest)).splitlines()
    begin = page.index("Live counts") + 1
    assert page[begin : begin + len(lines)] == lines


def test_the_page_spells_out_features_and_sessions(tiny_artifact: Artifact) -> None:
    """Brackets of a title or a category are not taken for markup."""
    changed = {
        "features": (TimeGap(mean=2.0, std=1.5), EventType(categories=("view", "[cart]"))),
        "session_rule": SessionRule(by_id=True, gap_ms=1_800_000),
        "exclude_seen": True,
    }
    manifest = msgspec.convert({**msgspec.structs.asdict(tiny_artifact.manifest), **changed}, Manifest)
    page = _page(Artifact(tiny_artifact.folder, manifest))
    assert "features time gap (log-seconds, mean 2.00, std 1.50), event type (view, [cart])" in page
    assert "state starts over when the session id changes, or when a user was idle for more than 30 minutes" in page
    assert "items seen already left out of the list" in page


@pytest.mark.parametrize(("tiles", "spelled"), [(1, "one tile"), (100, "100 tiles")])
def test_the_page_says_how_the_catalogue_is_narrowed_down(tiny_artifact: Artifact, tiles: int, spelled: str) -> None:
    """What a list may have missed depends on it."""
    ranking = Ranking("int8", 64, 0.9996, 256, CoarseRanking(tiles=tiles, items_per_block=8, blocks=28))
    manifest = msgspec.structs.replace(tiny_artifact.manifest, ranking=ranking)
    page = _page(Artifact(tiny_artifact.folder, manifest)).splitlines()
    assert f"scores every item in int8, in {spelled}; then in float32 the best of 28 blocks of 8 items" in page
    assert "lists a run 64" in page
    assert "recall 0.9996 of the exact top 10, over 256 lists" in page
