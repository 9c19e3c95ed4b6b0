"""A shadow reads what production reads, and shares no other name with it."""

from pathlib import Path

import pytest

from models.errors import SettingsError
from nextclick.shadow import chosen_settings, shadow_settings


def test_all_that_a_shadow_writes_has_its_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names from the environment and the command line alike; the clicks are those of production."""
    monkeypatch.setenv("NEXTCLICK_RECOMMENDATIONS_TOPIC", "shop.lists")
    monkeypatch.setenv("NEXTCLICK_CLICKS_TOPIC", "shop.clicks")
    live, shadow = chosen_settings(None, app_id="shop"), chosen_settings("new", app_id="shop")
    assert (shadow.clicks_topic, shadow.app_id) == ("shop.clicks", "new-shop")
    assert shadow.recommendations_topic == "new-shop.lists"
    assert shadow.dead_letter_topic == "new-clicks.dead-letter"
    assert shadow.changelog_topic == "new-shop-user-state-changelog"
    assert shadow.counts_topic == "new-shop.counts"
    assert shadow.rekeyed_topic == "new-shop-clicks-rekeyed"
    assert shadow.state_folder == Path("new-state")
    names = ("app_id", "recommendations_topic", "dead_letter_topic", "changelog_topic", "rekeyed_topic", "state_folder")
    assert not {getattr(live, name) for name in names} & {getattr(shadow, name) for name in names}


def test_what_cannot_begin_a_topics_name_is_no_prefix() -> None:
    for prefix in ("", "a b", "ä", "a/b", "x" * 41):
        with pytest.raises(SettingsError, match="cannot begin the name of a topic"):
            shadow_settings(prefix)
