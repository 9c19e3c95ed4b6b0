"""Requests for lists, with fakes for the group, the store and the other workers."""

import asyncio
from urllib.parse import quote

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs
from yarl import URL

from models.errors import ArtifactError
from workers.forwarding import Answer, NoAnswer
from workers.user_list_page import Question, UserListPage
from workers.user_lists import ListsAreBusy
from workers.user_owners import Owner
from workers.web_access import UserPageAccess

HERE = Owner(3, True, None, "this worker")
ELSEWHERE = Owner(4, False, URL("http://10.0.0.7:6066"), "http://10.0.0.7:6066")
UNREACHABLE = Owner(5, False, None, "worker://worker-2")
TOKEN = "0123456789abcdef"  # noqa: S105 - a test's
ANYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound


class Scene:
    """A page and what is around it.

    Args:
        owner: Whose every user is.
        waiting_for: What the worker waits for.
        token: What a caller must send.
        web_bind: Where the page listens.
        trouble: What ranking raises.
        owner_answers: Whether the other workers do.
    """

    def __init__(
        self,
        owner: Owner = HERE,
        *,
        waiting_for: str | None = None,
        token: str | None = None,
        web_bind: str = "127.0.0.1",
        trouble: Exception | None = None,
        owner_answers: bool = True,
    ) -> None:
        self.owner = owner
        self.waiting_for = waiting_for
        self.trouble = trouble
        self.owner_answers = owner_answers
        self.listed: list[tuple[tuple[int, bytes], bytes | None]] = []
        self.asked: list[tuple[str, str | None]] = []
        self.page = UserListPage(
            access=UserPageAccess(None if token is None else SecretStr(token), web_bind),
            readiness=self,
            owners=self,
            store=self,
            lists=self,
            others=self,
            max_id_bytes=16,
        )

    def owner_of(self, user_key: bytes) -> Owner:
        """Return the one."""
        assert user_key
        return self.owner

    def load(self, partition: int, user_key: bytes) -> bytes | None:
        """Return a record that says whose it is."""
        return b"record of %s in %d" % (user_key, partition)

    async def list_of(self, user: tuple[int, bytes], record: bytes | None) -> bytes:
        """Note the user; return an empty list, or raise."""
        self.listed.append((user, record))
        if self.trouble is not None:
            raise self.trouble
        return b"{}"

    async def ask(self, url: URL, authorization: str | None) -> Answer:
        """Note the question; answer, or do not."""
        self.asked.append((str(url), authorization))
        if not self.owner_answers:
            raise NoAnswer("refused")
        return Answer(200, b"{from there}")

    def get(self, encoded_id: str = "ann", authorization: str | None = None, *, is_forwarded: bool = False) -> Answer:
        """Ask the page."""
        return asyncio.run(self.page.answer(Question(encoded_id, authorization, is_forwarded)))


def test_the_owner_answers_from_its_store() -> None:
    """Also where another worker sent the question on; nobody may keep a copy."""
    scene = Scene()
    for is_forwarded in (False, True):
        answer = scene.get(is_forwarded=is_forwarded)
        assert (answer.status, answer.body, answer.content_type) == (200, b"{}", "application/json")
        assert answer.headers == {"Cache-Control": "no-store"}
    assert scene.listed == [((3, b"ann"), b"record of ann in 3")] * 2
    assert scene.asked == []


@pytest.mark.parametrize(
    ("user_id", "encoded_id"),
    [
        ("ann", "ann"),
        ("ann", "%61%6E%6e"),
        ("a/b", "a%2Fb"),
        ("..", "%2E%2e"),
        (".", "."),
        ("%41", "%2541"),
        ("%", "%"),
        ("a b?c#d", "a%20b%3Fc%23d"),
        ("a+b;c=d", "a+b;c=d"),
        ("zoë", "zo%C3%AB"),
        ("\x00\r\n", "%00%0D%0A"),
        ("x" * 16, "x" * 16),
    ],
)
def test_an_id_is_any_text(user_id: str, encoded_id: str) -> None:
    """Decoded once; on its way to another worker every byte that could mean something is encoded again."""
    here, elsewhere = Scene(), Scene(ELSEWHERE)
    assert here.get(encoded_id).status == 200
    assert here.listed[0][0][1] == user_id.encode()
    assert elsewhere.get(encoded_id).body == b"{from there}"
    (url, _), *_ = elsewhere.asked
    path = quote(user_id, safe="").replace(".", "%2E")
    assert url == f"http://10.0.0.7:6066/recommendations/{path}"


@pytest.mark.parametrize(
    ("encoded_id", "says"),
    [
        ("", "is empty"),
        ("x" * 17, "has 17 bytes, the limit is 16"),
        ("%C3%AB" * 9, "has 18 bytes"),
        ("%FF", "is no UTF-8"),
        ("%ED%A0%80", "is no UTF-8"),
        ("x" * 10_000_000, "limit is 16"),
    ],
)
@pytest.mark.parametrize("owner", [HERE, ELSEWHERE])
def test_an_id_that_no_click_could_have_is_refused(owner: Owner, encoded_id: str, says: str) -> None:
    """By the rule that the decoder has; nobody is asked."""
    scene = Scene(owner)
    answer = scene.get(encoded_id)
    assert answer.status == 400
    assert says in answer.body.decode()
    assert (scene.listed, scene.asked) == ([], [])


def test_another_worker_is_asked_with_the_callers_token() -> None:
    """Where one is asked for; elsewhere whatever the caller sent stays here."""
    scene = Scene(ELSEWHERE, token=TOKEN, web_bind=ANYWHERE)
    assert scene.get(authorization=f"Bearer {TOKEN}").status == 200
    assert Scene(ELSEWHERE).get(authorization="Basic \udcff").status == 200
    assert scene.asked == [("http://10.0.0.7:6066/recommendations/ann", f"Bearer {TOKEN}")]
    without = Scene(ELSEWHERE)
    without.get(authorization="Basic \udcff")
    assert without.asked[0][1] is None


@pytest.mark.parametrize("owner", [ELSEWHERE, UNREACHABLE])
def test_a_question_is_not_sent_on_twice(owner: Owner) -> None:
    """Two workers that each take the other for the owner would never end."""
    scene = Scene(owner)
    answer = scene.get(is_forwarded=True)
    assert (answer.status, answer.headers) == (503, {"Retry-After": "2"})
    assert scene.asked == []


def test_an_owner_without_an_address_is_named() -> None:
    """With the setting that gives it one."""
    answer = Scene(UNREACHABLE).get()
    assert answer.status == 503
    assert b"worker://worker-2" in answer.body
    assert b"NEXTCLICK_WEB_URL" in answer.body


def test_an_owner_that_does_not_answer() -> None:
    """Is told to the caller and to the log, which does not learn the user."""
    with capture_logs() as lines:
        answer = Scene(ELSEWHERE, owner_answers=False).get("ann-of-all")
    assert answer.status == 502
    assert [line["address"] for line in lines] == ["http://10.0.0.7:6066"]
    assert "ann-of-all" not in str(lines)


def test_a_worker_that_is_not_ready_asks_nobody() -> None:
    """It says what it waits for."""
    for owner in (HERE, ELSEWHERE):
        scene = Scene(owner, waiting_for="restoring user states: 3 of 10")
        answer = scene.get()
        assert (answer.status, answer.headers) == (503, {"Retry-After": "2"})
        assert b"restoring user states: 3 of 10" in answer.body
        assert (scene.listed, scene.asked) == ([], [])


@pytest.mark.parametrize("owner", [HERE, ELSEWHERE])
@pytest.mark.parametrize("waiting_for", [None, "restoring user states"])
def test_without_the_token_nothing_is_told(owner: Owner, waiting_for: str | None) -> None:
    """Neither whose the user is nor whether the worker is ready, nor which ids are too long."""
    for encoded_id in ("ann", "x" * 17):
        scene = Scene(owner, token=TOKEN, waiting_for=waiting_for)
        for sent in (None, "Bearer wrong", TOKEN):
            answer = scene.get(encoded_id, sent)
            assert (answer.status, answer.headers) == (401, {"WWW-Authenticate": "Bearer"})
            assert answer.body == b"Send Authorization: Bearer TOKEN.\n"
        assert (scene.listed, scene.asked) == ([], [])


def test_a_page_that_is_reachable_without_a_token_is_off() -> None:
    """It says which settings open it."""
    answer = Scene(web_bind=ANYWHERE).get(authorization="Bearer anything")
    assert answer.status == 403
    assert b"NEXTCLICK_WEB_TOKEN" in answer.body


def test_trouble_is_an_answer() -> None:
    """Too many at a time, and a model that fails; what it said is in the log, not on the page."""
    assert Scene(trouble=ListsAreBusy()).get().status == 503
    with capture_logs() as lines:
        answer = Scene(trouble=ArtifactError("rank.onnx does not run on (1, 2)")).get()
    assert answer.status == 500
    assert b"rank.onnx" not in answer.body
    assert len(lines) == 1
