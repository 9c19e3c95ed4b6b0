from export.artifact import Artifact
from export.recommending import recommend_for_history
from models.sequences.vocabulary import ItemId

HISTORY = [ItemId("item-03"), ItemId("item-08")]


def test_the_list_follows_the_last_click_of_the_history(tiny_artifact: Artifact) -> None:
    """Best first, K of them, and another history gives another list."""
    recommended = recommend_for_history(tiny_artifact, HISTORY)
    scores = [one.score for one in recommended]
    assert len(recommended) == 10
    assert scores == sorted(scores, reverse=True)
    assert recommend_for_history(tiny_artifact, HISTORY[::-1]) != recommended


def test_seen_items_may_be_left_out(tiny_artifact: Artifact) -> None:
    """The artifact's default is to list them."""
    listed = [one.item_id for one in recommend_for_history(tiny_artifact, HISTORY, exclude_seen=True)]
    assert not set(HISTORY) & set(listed)
    assert len(listed) == 10
