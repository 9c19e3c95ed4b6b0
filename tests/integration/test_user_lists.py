"""`GET /recommendations/{user_id}` of real workers: the owner answers, another one hands its answer on."""

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from export.artifact import Artifact
from nextclick.free_ports import free_port
from tests.integration.harness import Stream, Worker, make_stream, running_worker, wait_until
from workers.partitioning import partition_of

pytestmark = pytest.mark.broker

PARTITIONS = 4
TOKEN = "a token of this test"  # noqa: S105 - a test's
USERS = [*(f"user-{number}" for number in range(12)), "a/b", "..", "zoë ?#%", "x" * 512]
JSON = "application/json"


@dataclass(frozen=True)
class Answered:
    """An answer of the page."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def list(self) -> dict[str, Any]:
        """The list that it is."""
        assert (self.status, self.headers["Content-Type"]) == (200, JSON), self.body
        body: dict[str, Any] = json.loads(self.body)
        return body


def ask(worker: Worker, user_id: str, token: str | None = TOKEN, *, encoded: str | None = None) -> Answered:
    """Ask a worker for a user's list."""
    path = "".join(f"%{byte:02X}" for byte in user_id.encode()) if encoded is None else encoded
    request = urllib.request.Request(f"http://127.0.0.1:{worker.port}/recommendations/{path}")
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            return Answered(response.status, response.read(), dict(response.headers))
    except urllib.error.HTTPError as error:
        with error:
            return Answered(error.code, error.read(), dict(error.headers))
    except OSError:
        return Answered(0, b"", {})


def clicks() -> list[dict[str, object]]:
    """Three clicks of each user, each user on items of his own."""
    return [
        {"user_id": user, "item_id": f"item-{(number + 7 * n) % 30:02}", "timestamp_ms": 1_700_000_000_000 + n}
        for n in range(3)
        for number, user in enumerate(USERS)
    ]


@dataclass(frozen=True)
class Pair:
    """Two workers that share the partitions, and the lists that they have published."""

    stream: Stream
    one: Worker
    two: Worker
    published: Mapping[str, dict[str, Any]]


@pytest.fixture(scope="module")
def pair(broker: str, tiny_artifact: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both with a token, both with users of their own; every click is answered and installed."""
    stream = make_stream(broker, tiny_artifact.folder, f"asked-{uuid.uuid4().hex[:8]}", partitions=PARTITIONS)
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
    settings = {"NEXTCLICK_WEB_TOKEN": TOKEN, "NEXTCLICK_LOG_LEVEL": "DEBUG"}
    with running_worker(stream, folders[0], **settings) as one, running_worker(stream, folders[1], **settings) as two:
        one.wait_until_ready()
        two.wait_until_ready()
        stream.send(clicks())
        total = len(clicks())
        wait_until(lambda: sum(one.clicks().values()) + sum(two.clicks().values()) == total)
        wait_until(lambda: one.clicks()["applied"] > 0 and two.clicks()["applied"] > 0)
        newest = {json.loads(record.value)["user_id"]: json.loads(record.value) for record in stream.lists(total)}
        yield Pair(stream, one, two, newest)


def test_both_workers_answer_the_newest_list_of_every_user(pair: Pair) -> None:
    """Items and scores as they were published, digit by digit, whoever is asked and whatever the id looks like."""
    for user in USERS:
        first, second = ask(pair.one, user), ask(pair.two, user)
        assert first.body == second.body
        assert first.headers["Cache-Control"] == second.headers["Cache-Control"] == "no-store"
        given, expected = first.list, dict(pair.published[user])
        del expected["event_id"]
        assert given == expected
        digits = json.dumps(expected["scores"], separators=(",", ":"))
        assert json.dumps(given["scores"], separators=(",", ":")) == digits


def test_each_worker_owns_some_of_them(pair: Pair) -> None:
    """Or nothing was handed on above; the partition is the one that the click went to."""
    partitions = {partition_of(user.encode(), PARTITIONS, "murmur2") for user in USERS}
    assert len(partitions) == PARTITIONS
    for user in USERS:
        expected = partition_of(user.encode(), PARTITIONS, "murmur2")
        assert pair.published[user]["source"]["partition"] == expected


def test_a_click_changes_the_answer(pair: Pair) -> None:
    """As soon as its list is published."""
    user = USERS[0]
    before = ask(pair.one, user).list
    click = {"user_id": user, "item_id": "item-29", "timestamp_ms": 1_700_000_100_000}
    pair.stream.send([click])
    wait_until(lambda: ask(pair.two, user).list["source"]["offset"] > before["source"]["offset"])
    after = ask(pair.one, user).list
    (published,) = pair.stream.lists_of(user, 4)[3:]
    assert (after["items"], after["scores"]) == (published["items"], published["scores"])
    assert after["scores"] != before["scores"]


def test_a_user_of_whom_nothing_is_known_gets_the_popular_list(pair: Pair) -> None:
    """From either worker; asking leaves no state."""
    for user in ("nobody-1", "nobody-2", "nobody-3"):
        first, second = ask(pair.one, user).list, ask(pair.two, user).list
        assert first == second
        assert (first["user_id"], first["strategy"], first["source"]) == (user, "popular", None)
        assert first["items"] == [f"item-{number:02}" for number in range(10)]
    assert not pair.stream.states().keys() & {"nobody-1", "nobody-2", "nobody-3"}


@pytest.mark.parametrize(
    ("encoded", "status"),
    [
        ("x" * 513, 400),
        ("%C3%AB" * 257, 400),
        ("%FF", 400),
        ("a%00b", 200),
        ("a%2F..%2F..%2Fetc%2Fpasswd", 200),
        ("%2e%2e", 200),
        ("ann/../bob", 404),
        ("", 404),
        ("ann/", 404),
        ("%", 200),
        ("ann?user_id=bob", 200),
        ("x" * 8_000, 400),
        ("x" * 10_000, 400),
    ],
)
def test_an_id_is_text_of_a_bounded_size_and_nothing_else(pair: Pair, encoded: str, status: int) -> None:
    """Alike from both workers."""
    answers = [ask(worker, "", encoded=encoded) for worker in (pair.one, pair.two)]
    assert [answer.status for answer in answers] == [status, status]
    assert answers[0].body == answers[1].body


@pytest.mark.parametrize("token", [None, "", "another token of the test", TOKEN[:-1], TOKEN + "x"])
def test_without_the_token_there_is_no_list(pair: Pair, token: str | None) -> None:
    """Of neither worker's users; health and metrics need none."""
    for user in USERS[:6]:
        answer = ask(pair.one, user, token)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert user.encode() not in answer.body
    assert pair.one.get("/readyz")[0] == 200


def test_neither_token_nor_users_are_in_the_logs(pair: Pair) -> None:
    """At the loudest level, after all these requests."""
    for worker in (pair.one, pair.two):
        assert TOKEN not in worker.log
        assert "nobody-1" not in worker.log
        assert "user-1" not in worker.log


@pytest.mark.slow
def test_lists_while_a_worker_dies_and_comes_back(
    broker: str, tiny_artifact: Artifact, unique_name: Callable[[str], str], tmp_path: Path
) -> None:
    """Its users' lists are refused as not there now, then served by the other one; a restoring worker serves none."""
    stream = make_stream(broker, tiny_artifact.folder, unique_name("dying"), partitions=PARTITIONS)
    logs = [tmp_path / name for name in ("one", "two", "again")]
    for log in logs:
        log.mkdir()
    stream.send(clicks())
    with running_worker(stream, logs[0]) as one:
        with running_worker(stream, logs[1]) as two:
            one.wait_until_ready()
            two.wait_until_ready()
            wait_until(lambda: all(ask(one, user, None).status == 200 for user in USERS), 60)
            wait_until(lambda: len(stream.states()) == len(USERS))
            before = {user: ask(one, user, None).list["items"] for user in USERS}
            two.kill()
            refused = {ask(one, user, None).status for user in USERS}
            assert refused == {200, 502}
        wait_until(lambda: all(ask(one, user, None).status == 200 for user in USERS), 60)
        assert {user: ask(one, user, None).list["items"] for user in USERS} == before
        one.kill()
    with running_worker(stream, logs[2]) as again:
        seen: list[Answered] = []

        def is_answered() -> bool:
            seen.append(ask(again, USERS[0], None))
            return seen[-1].status == 200

        wait_until(is_answered, 60)
        assert {answer.status for answer in seen} <= {0, 503, 200}
        waiting = [answer for answer in seen if answer.status == 503]
        assert waiting
        assert all(answer.headers["Retry-After"] == "2" for answer in waiting)
        assert {user: ask(again, user, None).list["items"] for user in USERS} == before


@pytest.mark.kafka
@pytest.mark.slow
def test_a_named_worker_is_found_where_its_setting_says(
    kafka: str, tiny_artifact: Artifact, unique_name: Callable[[str], str], tmp_path: Path
) -> None:
    """The group knows it by its name alone otherwise: the one who is asked says so, and sends the token nowhere."""
    stream = make_stream(kafka, tiny_artifact.folder, unique_name("named"), partitions=PARTITIONS)
    stream.send(clicks())
    logs = [tmp_path / name for name in ("found", "hidden")]
    for log in logs:
        log.mkdir()
    port = free_port()
    address = {"NEXTCLICK_WEB_PORT": str(port), "NEXTCLICK_WEB_URL": f"http://localhost:{port}"}
    with (
        running_worker(stream, logs[0], NEXTCLICK_GROUP_INSTANCE_ID="found", **address) as found,
        running_worker(stream, logs[1], NEXTCLICK_GROUP_INSTANCE_ID="hidden") as hidden,
    ):
        found.port = port
        found.wait_until_ready()
        hidden.wait_until_ready()
        wait_until(lambda: all(ask(hidden, user, None).status == 200 for user in USERS), 60)
        statuses = {ask(found, user, None).status for user in USERS}
        assert statuses == {200, 503}
        unanswered = next(answer for user in USERS if (answer := ask(found, user, None)).status == 503)
        assert b"worker://hidden" in unanswered.body
        assert b"NEXTCLICK_WEB_URL" in unanswered.body


def test_a_worker_that_can_be_reached_from_elsewhere_tells_nobody_without_a_token(
    broker: str, tiny_artifact: Artifact, unique_name: Callable[[str], str], tmp_path: Path
) -> None:
    """It says so once at its start, and to whoever asks; the other pages are as they are."""
    stream = make_stream(broker, tiny_artifact.folder, unique_name("open"), partitions=1)
    with running_worker(stream, tmp_path, NEXTCLICK_WEB_HOST="0.0.0.0") as worker:  # noqa: S104 - that is the test
        worker.wait_until_ready()
        for token in (None, TOKEN):
            answer = ask(worker, "ann", token)
            assert answer.status == 403
            assert b"Set NEXTCLICK_WEB_TOKEN" in answer.body
        assert worker.log.count("Set NEXTCLICK_WEB_TOKEN") == 1
        assert worker.get("/metrics")[0] == 200
        assert worker.stop() == 0
