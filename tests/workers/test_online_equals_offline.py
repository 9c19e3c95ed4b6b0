"""The worker's published lists == the offline evaluation's lists on the same clicks, click by click."""

import pytest

from export.artifact import Artifact
from tests.workers.click_runs import seeded
from tests.workers.twofold_runs import offline_lists, online_lists, random_clicks


@pytest.mark.parametrize("exclude_seen", [False, True], ids=["everything", "unseen items"])
@pytest.mark.parametrize("name", ["tiny_artifact", "featured_artifact", "float32_artifact"])
def test_published_lists_are_the_offline_lists(request: pytest.FixtureRequest, name: str, exclude_seen: bool) -> None:
    """float16 and float32 states, with and without features, seen filter on and off: equal items, equal scores."""
    artifact: Artifact = request.getfixturevalue(name)
    random = seeded(7)
    clicks = random_clicks(random, 600)
    offline = offline_lists(artifact, clicks, exclude_seen=exclude_seen)
    assert len(offline) == 600
    assert online_lists(artifact, clicks, random, exclude_seen=exclude_seen) == offline
