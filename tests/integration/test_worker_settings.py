"""Settings that change lists and states, all on one worker, each seen on a user of its own."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from export.artifact import Artifact
from models.session_rule import SessionRule
from tests.click_tables import MAY_2024_MS
from tests.integration.harness import Stream, make_stream, running_worker
from tests.integration.offline_lists import lists_after, published

pytestmark = pytest.mark.broker

HALF_AN_HOUR_S = 1_800
A_DAY_S = 86_400


@pytest.fixture(scope="module")
def gap_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """Sessions end after half an hour; lists of ten items of thirty."""
    from tests.factories import make_tiny_artifact  # noqa: PLC0415 - torch

    folder = tmp_path_factory.mktemp("artifact") / "gap"
    return make_tiny_artifact(folder, session_rule=SessionRule(gap_ms=HALF_AN_HOUR_S * 1_000))


@pytest.fixture(scope="module")
def stream(broker: str, gap_artifact: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stream]:
    """A worker that filters seen items, has one item unavailable and one always first, and reads other field names."""
    folder = tmp_path_factory.mktemp("settings")
    bias = folder / "bias.csv"
    bias.write_text("item_id,bias\nitem-00,-inf\nitem-07,1000\n", encoding="utf-8")
    made = make_stream(
        broker,
        gap_artifact.folder,
        f"settings-{uuid.uuid4().hex[:8]}",
        exclude_seen=True,
        item_bias_file=bias,
        field_map={"user_id": "visitorId", "item_id": "sku", "timestamp_ms": "at"},
        state_ttl_s=A_DAY_S,
    )
    with running_worker(made, folder) as worker:
        worker.wait_until_ready()
        yield made


def send(stream: Stream, user_id: str, *clicks: tuple[str, int]) -> None:
    """Send a user's clicks of (item, second) by the shop's own field names."""
    stream.send(
        {"user_id": user_id, "visitorId": user_id, "sku": item, "at": MAY_2024_MS + 1_000 * second}
        for item, second in clicks
    )


def assert_as_offline(
    lists: Sequence[Mapping[str, Any]], artifact: Artifact, clicks: Sequence[tuple[str, int]]
) -> None:
    """Hold lists up against the offline ones, which know nothing of the two items that have a bias."""
    sent = [
        {"user_id": "offline", "item_id": item, "timestamp_ms": MAY_2024_MS + 1_000 * second} for item, second in clicks
    ]
    biased = {"item-00", "item-07"}
    for body, (items, scores) in zip(lists, lists_after(artifact, *sent, exclude_seen=True), strict=True):
        ((listed, listed_scores),) = published([body])
        online = [pair for pair in zip(listed, listed_scores, strict=True) if pair[0] not in biased]
        offline = [pair for pair in zip(items, scores, strict=True) if pair[0] not in biased]
        assert online[: len(offline)] == offline[: len(online)]


def test_an_unavailable_item_is_never_listed_and_a_boosted_one_comes_first(stream: Stream) -> None:
    """`item_bias_file`: -inf takes an item out of every list, the popular one included; a large bias leads them all."""
    send(stream, "biased", ("unknown", 0), ("item-00", 1), ("item-03", 2), ("item-04", 3))
    lists = stream.lists_of("biased", 4)
    assert [body["strategy"] for body in lists] == ["popular", "personal", "personal", "personal"]
    assert lists[0]["items"] == ["item-07", *(f"item-{number:02}" for number in (1, 2, 3, 4, 5, 6, 8, 9, 10))]
    for body in lists:
        assert body["items"][0] == "item-07"
        assert len(body["items"]) == 10
        assert "item-00" not in body["items"]


def test_seen_items_are_left_out_and_the_list_stays_full(stream: Stream, gap_artifact: Artifact) -> None:
    """`exclude_seen`: the last five items are in no list, older ones may come back, ten are listed all the same."""
    clicked = ["item-07", "item-01", "item-02", "item-03", "item-04", "item-05"]
    clicks = [(item, second) for second, item in enumerate(clicked)]
    send(stream, "seen", *clicks)
    lists = stream.lists_of("seen", 6)
    for newest, body in enumerate(lists):
        assert not set(body["items"]) & set(clicked[max(0, newest - 4) : newest + 1])
        assert len(body["items"]) == 10
    # Six clicks later the ring of five has let it go.
    assert lists[5]["items"][0] == "item-07"
    assert_as_offline(lists, gap_artifact, clicks)


def test_a_session_ends_after_the_models_gap(stream: Stream, gap_artifact: Artifact) -> None:
    """Half an hour to the second goes on, a second more starts over."""
    within = [("item-12", 0), ("item-13", HALF_AN_HOUR_S)]
    beyond = [("item-12", 0), ("item-13", HALF_AN_HOUR_S + 1)]
    send(stream, "within", *within)
    send(stream, "beyond", *beyond)
    goes_on, starts_over = stream.lists_of("within", 2), stream.lists_of("beyond", 2)
    assert_as_offline(goes_on, gap_artifact, within)
    assert_as_offline(starts_over, gap_artifact, beyond)
    assert goes_on[1]["scores"] != starts_over[1]["scores"]
    states = stream.decoded_states()
    assert [(states[user].clicks, states[user].session_clicks) for user in ("within", "beyond")] == [(2, 2), (2, 1)]


def test_a_user_who_was_away_for_too_long_starts_over(stream: Stream) -> None:
    """`state_ttl_s`, by event time: a day to the second is remembered, a second more and nothing is."""
    send(stream, "back", ("item-12", 0), ("item-13", A_DAY_S))
    send(stream, "forgotten", ("item-12", 0), ("item-13", A_DAY_S + 1))
    stream.lists_of("back", 2)
    forgotten = stream.lists_of("forgotten", 2)[1]
    states = stream.decoded_states()
    assert (states["back"].clicks, states["forgotten"].clicks) == (2, 1)
    assert len(states["back"].ring) == 2 * len(states["forgotten"].ring)
    send(stream, "first-time", ("item-13", 0))
    (first_time,) = stream.lists_of("first-time", 1)
    assert (forgotten["items"], forgotten["scores"]) == (first_time["items"], first_time["scores"])


def test_clicks_by_our_own_field_names_are_not_understood(stream: Stream) -> None:
    """`field_map` replaces names: a click that calls its item `item_id` lacks the mapped one, and is set aside."""
    stream.send([{"user_id": "ours", "visitorId": "ours", "item_id": "item-03", "at": MAY_2024_MS}])
    (letter,) = stream.read(stream.settings.dead_letter_topic, 1)
    headers = dict(letter.headers)
    assert headers["nextclick.reason"] == b"missing_field"
    assert b"sku" in headers["nextclick.detail"]
