"""Why an item is listed: the click without which it would stand lowest."""

import pytest

from export.artifact import Artifact
from export.recommending import recommend_for_history
from models.sequences.vocabulary import ItemId
from nextclick.page.explaining import MOST_CLICKS, explain
from nextclick.replaying import ClickMessage


def clicks_on(*items: str) -> list[ClickMessage]:
    return [ClickMessage("you", item, 1_000 * number) for number, item in enumerate(items)]


def list_after(artifact: Artifact, *items: str) -> list[str]:
    return [listed.item_id for listed in recommend_for_history(artifact, [ItemId(item) for item in items])]


def test_each_reason_is_what_the_model_lists_without_that_click(tiny_artifact: Artifact) -> None:
    """Three clicks: for every listed item the named click is the one whose absence lowers it most."""
    items = tiny_artifact.vocabulary.item_ids[:3]
    published = list_after(tiny_artifact, *items)
    without = {
        left_out: [item for item in list_after(tiny_artifact, *(i for i in items if i != left_out)) if item != left_out]
        for left_out in items
    }
    reasons = explain(tiny_artifact, clicks_on(*items), published)
    assert reasons
    off_the_list = len(published) + 1
    for reason in reasons:
        places = {
            left_out: listed.index(reason.item_id) + 1 if reason.item_id in listed else off_the_list
            for left_out, listed in without.items()
        }
        assert places[ItemId(reason.because)] == max(places.values()) == (reason.place_without or off_the_list)
        assert max(places.values()) > published.index(reason.item_id) + 1


def test_a_single_click_is_the_reason_of_everything(tiny_artifact: Artifact) -> None:
    """Without it nothing would be known of the user: no item has a place."""
    item = tiny_artifact.vocabulary.item_ids[0]
    published = list_after(tiny_artifact, item)
    reasons = explain(tiny_artifact, clicks_on(item), published)
    assert [(reason.item_id, reason.because, reason.place_without) for reason in reasons] == [
        (listed, item, None) for listed in published
    ]


def test_nothing_is_explained_that_the_model_does_not_give_here(tiny_artifact: Artifact) -> None:
    """A published list that differs from our own run, by a setting of the worker's, say: no reasons."""
    items = tiny_artifact.vocabulary.item_ids[:2]
    published = list_after(tiny_artifact, *items)
    assert explain(tiny_artifact, clicks_on(*items), published[::-1]) == []


@pytest.mark.parametrize("count", [0, MOST_CLICKS + 1])
def test_nobody_waits_for_a_long_explanation(tiny_artifact: Artifact, count: int) -> None:
    """No click, or hundreds: no reasons, at once."""
    item = tiny_artifact.vocabulary.item_ids[0]
    assert explain(tiny_artifact, clicks_on(*[item] * count), [item]) == []
