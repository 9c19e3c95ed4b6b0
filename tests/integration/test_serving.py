"""What users see of a worker with the default settings: lists, sessions, unknown items, consent, its pages."""

import json
import re
import socket
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from export.artifact import Artifact
from tests.click_tables import MAY_2024_MS
from tests.integration.conftest import Serving
from tests.integration.harness import wait_until
from tests.integration.offline_lists import lists_after, published

pytestmark = pytest.mark.broker

POPULAR = [f"item-{number:02}" for number in range(10)]


def click(user_id: str, item_id: str, second: int = 0, **more: object) -> dict[str, object]:
    """Make a click as it is sent."""
    return {"user_id": user_id, "item_id": item_id, "timestamp_ms": MAY_2024_MS + 1_000 * second, **more}


def test_a_list_says_what_it_answers(serving: Serving, tiny_artifact: Artifact) -> None:
    """Every field of the contract, keyed by user, on its click's partition, the wall clock in a header only."""
    serving.stream.send([click("contract", "item-04", event_id="event-1", session_id="s", event_type="view")])
    (body,) = serving.stream.lists_of("contract", 1)
    (clicked,) = [r for r in serving.stream.read_all(serving.stream.settings.clicks_topic) if r.key == b"contract"]
    ((items, _),) = lists_after(tiny_artifact, click("contract", "item-04"))
    scores = body.pop("scores")
    assert body == {
        "schema_version": 1,
        "user_id": "contract",
        "items": items,
        "model_id": tiny_artifact.manifest.model_id,
        "strategy": "personal",
        "event_id": "event-1",
        "source": {
            "topic": serving.stream.settings.clicks_topic,
            "partition": clicked.partition,
            "offset": clicked.offset,
            "timestamp_ms": MAY_2024_MS,
        },
    }
    assert scores == sorted(scores, reverse=True)
    (record,) = [
        r for r in serving.stream.read_all(serving.stream.settings.recommendations_topic) if r.key == b"contract"
    ]
    assert record.partition == clicked.partition
    ((header, generated_at_ms),) = record.headers
    assert header == "nextclick.generated_at_ms"
    assert 0 <= int(generated_at_ms) - clicked.timestamp < 60_000


def test_a_session_begins_with_an_empty_state(serving: Serving, tiny_artifact: Artifact) -> None:
    """The first list of a new session id is the one of a user who has clicked nothing else; the second goes on."""
    clicks = [
        click("sessions", "item-03", 0, session_id="s1"),
        click("sessions", "item-05", 1, session_id="s1"),
        click("sessions", "item-11", 2, session_id="s2"),
        click("sessions", "item-05", 3, session_id="s2"),
        click("sessions", "item-07", 4),
    ]
    serving.stream.send(clicks)
    lists = published(serving.stream.lists_of("sessions", 5))
    assert lists == lists_after(tiny_artifact, *clicks)
    assert lists[2] == lists_after(tiny_artifact, click("someone", "item-11"))[0]
    assert lists[3] != lists_after(tiny_artifact, click("someone", "item-05"))[0]
    state = serving.stream.decoded_states()["sessions"]
    assert (state.clicks, state.session_clicks) == (5, 3)


def test_an_unknown_item_leads_to_a_list_from_what_is_known(serving: Serving) -> None:
    """A new user gets the popular list; one with a state gets that state's list again; every click is counted."""
    serving.stream.send(
        [
            click("unknown", "never-heard-of", 0),
            click("unknown", "item-09", 1),
            click("unknown", "neither-of-this", 2),
        ]
    )
    popular, personal, again = serving.stream.lists_of("unknown", 3)
    assert (popular["strategy"], popular["items"]) == ("popular", POPULAR)
    assert popular["scores"] == sorted(popular["scores"], reverse=True)
    assert personal["strategy"] == again["strategy"] == "personal"
    assert (personal["items"], personal["scores"]) == (again["items"], again["scores"])
    assert personal["items"] != POPULAR
    assert serving.stream.decoded_states()["unknown"].clicks == 3
    assert serving.worker.metric("nextclick_unknown_item_clicks_total") >= 2


def test_a_click_without_consent_leaves_nothing_behind(serving: Serving, tiny_artifact: Artifact) -> None:
    """Its list comes from that click alone; no state is read or written, and no line of the log names the user."""
    user = "private-7f3a"
    serving.stream.send([click(user, "item-03", 0, consent=False)])
    (alone,) = serving.stream.lists_of(user, 1)
    assert alone["strategy"] == "single_click"
    assert published([alone]) == lists_after(tiny_artifact, click(user, "item-03"))
    assert user not in serving.stream.states()

    serving.stream.send([click(user, "item-05", 1, consent=True)])
    _, personal = serving.stream.lists_of(user, 2)
    assert personal["strategy"] == "personal"
    assert published([personal]) == lists_after(tiny_artifact, click(user, "item-05"))
    state = serving.stream.states()[user]

    serving.stream.send([click(user, "item-05", 2, consent=False), click(user, "never-heard-of", 3, consent=False)])
    _, _, still_alone, unknown = serving.stream.lists_of(user, 4)
    assert published([still_alone]) == lists_after(tiny_artifact, click(user, "item-05"))
    assert (unknown["strategy"], unknown["items"]) == ("popular", POPULAR)
    serving.settle()
    assert serving.stream.states()[user] == state
    assert (
        len([r for r in serving.stream.read_all(serving.stream.settings.changelog_topic) if r.key == user.encode()])
        == 1
    )
    assert "Batch processed" in serving.worker.log
    assert user not in serving.worker.log


def test_seen_items_stay_where_the_artifact_keeps_them(serving: Serving) -> None:
    """With the seen filter off, ten clicked items of thirty come back in some of the lists."""
    items = [f"item-{number:02}" for number in range(10)]
    serving.stream.send([click("seen", item, second) for second, item in enumerate(items)])
    lists = serving.stream.lists_of("seen", 10)
    assert {len(body["items"]) for body in lists} == {10}
    assert set(lists[-1]["items"]) & set(items[-5:])


def test_not_ready_until_states_are_restored(serving: Serving) -> None:
    """/readyz answers 503 and what is waited for, then 200; /livez answers 200."""
    assert (503, "restoring user states\n") in serving.answers
    assert serving.answers[-1] == (200, "ready\n")
    assert {status for status, _ in serving.answers} == {0, 503, 200}
    assert serving.worker.get("/livez") == (200, "alive\n")


def test_metrics_are_named_by_prometheus_rules_and_name_no_user(serving: Serving) -> None:
    """Base units and `_total` at the end of names, no user and no item in them or in a label, and a model described."""
    serving.stream.send([click("measured-user", "item-04")])
    serving.stream.lists_of("measured-user", 1)
    text = serving.worker.get("/metrics")[1]
    families = {family.name: family for family in text_string_to_metric_families(text)}
    samples = [sample for family in families.values() for sample in family.samples]
    assert all(re.fullmatch(r"(nextclick|process)_[a-z_]+", name) for name in families)
    assert not any(re.search(r"_(ms|milliseconds|kb|minutes|created)(_|$)", sample.name) for sample in samples)
    for family in families.values():
        assert family.documentation
        if family.type == "counter":
            assert all(sample.name == f"{family.name}_total" for sample in family.samples)
        if family.type == "histogram":
            assert family.name.endswith(("_seconds", "_records"))
    labels = {label for sample in samples for label in sample.labels}
    of_model = {"model_id", "model_kind", "dataset", "items", "list_length"}
    assert labels <= {"outcome", "strategy", "history", "reason", "partition", "le"} | of_model
    assert "measured" not in text
    assert "item-04" not in text
    (model,) = families["nextclick_model_info"].samples
    assert (model.labels["model_kind"], model.labels["items"], model.value) == ("lstm", "30", 1)
    assert families["nextclick_ready"].samples[0].value == 1
    with urllib.request.urlopen(f"http://127.0.0.1:{serving.worker.port}/metrics", timeout=5) as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=")


def test_consumer_lag_is_measured_by_partition(serving: Serving) -> None:
    """Every partition of the click topic has its lag, 0 once all is processed; measured every five seconds."""
    serving.settle()
    series = [f'nextclick_consumer_lag_records{{partition="{partition}"}} 0.0' for partition in range(4)]
    wait_until(lambda: set(series) <= set(serving.worker.get("/metrics")[1].splitlines()))


@pytest.mark.parametrize("page", ["/table/", "/tables/", "/router/", "/graph/", "/stats/", "/metrics/", "/readyz/x"])
def test_no_other_page_answers(serving: Serving, page: str) -> None:
    """Faust's own pages would show states and settings to whoever asks."""
    assert serving.worker.get(page)[0] == 404


def test_pages_are_for_this_machine_alone(serving: Serving) -> None:
    """Bound to 127.0.0.1: not even another loopback address gets through, so nothing from outside does."""
    with pytest.raises(OSError, match=r"refused|assign|timed out"):
        socket.create_connection(("127.0.0.2", serving.worker.port), timeout=2)


def test_log_lines_are_json_with_their_level(serving: Serving) -> None:
    """`log_format=json`: every line is one object; a micro-batch takes one line at most, and only when debugging."""
    serving.settle()
    lines = [json.loads(line) for line in serving.worker.log.splitlines()]
    assert all({"event", "level", "timestamp", "logger"} <= set(line) for line in lines)
    batches = [line for line in lines if line["event"] == "Batch processed"]
    assert {line["level"] for line in batches} == {"debug"}
    assert sum(line["records"] for line in batches) == sum(serving.worker.clicks().values())
