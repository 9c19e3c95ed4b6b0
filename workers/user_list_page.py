"""`GET /recommendations/{user_id}`: the list that a user would be given now.

Any worker may be asked. The one that owns the user answers from its own state, another one asks it and hands its answer
on: a caller reaches all of them under one address, as behind a load balancer, and would lose its token on the way of a
redirect.

    200  the list; of a user of whom nothing is known the popular one, with `"source": null`, as his first click would
         get it: a page that is shown to a new visitor needs a list, not an error
    400  the id is empty, no UTF-8, or longer than `max_id_bytes`; or the path is longer than the 8 KiB of any request
    401  the token is missing or wrong
    403  the pages can be reached from elsewhere and no token is set
    502  the worker that owns the user does not answer
    503  this worker is not ready, the partitions are moving, or nobody knows where the owner's pages are
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote, unquote_to_bytes

import structlog
from yarl import URL

from models.errors import ArtifactError
from workers.forwarding import Answer, NoAnswer
from workers.user_lists import ListsAreBusy
from workers.user_owners import Owner
from workers.user_rows import UserKey
from workers.web_access import UserPageAccess

log = structlog.get_logger("nextclick")

PREFIX = "/recommendations/"
# A rebalance takes seconds, a restore longer.
RETRY_AFTER_S = 2


@dataclass(frozen=True, slots=True)
class Question:
    """A request for a list.

    Attributes:
        encoded_id: The user's id as the path has it, percent-encoded.
        authorization: The header of that name.
        is_forwarded: Whether another worker sent it on.
    """

    encoded_id: str
    authorization: str | None
    is_forwarded: bool


class Owners(Protocol):
    """Knows whose a user is."""

    def owner_of(self, user_key: bytes) -> Owner:
        """Return the owner as far as this worker knows."""
        ...


class RecordReader(Protocol):
    """Reads installed records."""

    def load(self, partition: int, user_key: bytes) -> bytes | None:
        """Return a user's record, or None."""
        ...


class ListRanker(Protocol):
    """Ranks for whoever asks: `UserLists`."""

    async def list_of(self, user: UserKey, record: bytes | None) -> bytes:
        """Return a user's list as JSON.

        Raises:
            ListsAreBusy: If there is no room for the question.
            ArtifactError: If the model fails.
        """
        ...


class OwnPlace(Protocol):
    """Knows whether the worker is ready."""

    @property
    def waiting_for(self) -> str | None:
        """What it waits for; None where it is ready."""
        ...


class Elsewhere(Protocol):
    """Asks other workers."""

    async def ask(self, url: URL, authorization: str | None) -> Answer:
        """Return another worker's answer.

        Raises:
            NoAnswer: If it gives none.
        """
        ...


class UserListPage:
    """Answers requests for lists.

    Args:
        access: Who may ask.
        readiness: Whether the states are there.
        owners: Whose a user is.
        store: This worker's states.
        lists: Ranks them.
        others: Asks the other workers.
        max_id_bytes: Longest user id, as the decoder takes it.
    """

    def __init__(
        self,
        *,
        access: UserPageAccess,
        readiness: OwnPlace,
        owners: Owners,
        store: RecordReader,
        lists: ListRanker,
        others: Elsewhere,
        max_id_bytes: int,
    ) -> None:
        self._access = access
        self._readiness = readiness
        self._owners = owners
        self._store = store
        self._lists = lists
        self._others = others
        self._max_id_bytes = max_id_bytes

    async def answer(self, question: Question) -> Answer:
        """Return what to send back; never raises for what a caller sends."""
        refused = self._refusal(question)
        if refused is not None:
            return refused
        user_key = unquote_to_bytes(question.encoded_id)
        owner = self._owners.owner_of(user_key)
        if owner.is_here:
            return await self._list(owner.partition, user_key)
        if question.is_forwarded:
            return not_now("The partitions are moving: this worker was taken for the user's owner, and is not.")
        if owner.address is None:
            return not_now(
                f"The worker that owns the user ({owner.name}) has no address that others can reach: give each worker "
                "one with NEXTCLICK_WEB_URL. Or the partitions are just moving."
            )
        return await self._forward(owner.address, question, user_key)

    def _refusal(self, question: Question) -> Answer | None:
        """Return why a question is not answered, or None."""
        if self._access.is_closed:
            return _sentence(403, CLOSED)
        if not self._access.allows(question.authorization):
            return _sentence(401, "Send Authorization: Bearer TOKEN.", {"WWW-Authenticate": "Bearer"})
        problem = self._id_problem(unquote_to_bytes(question.encoded_id))
        if problem is not None:
            return _sentence(400, problem)
        waiting_for = self._readiness.waiting_for
        return None if waiting_for is None else not_now(f"The worker is not ready, it waits for {waiting_for}.")

    def _id_problem(self, user_key: bytes) -> str | None:
        """Return what is wrong with an id; the decoder takes a click's by the same rule."""
        if not user_key:
            return "The user id is empty."
        if len(user_key) > self._max_id_bytes:
            return f"The user id has {len(user_key)} bytes, the limit is {self._max_id_bytes}."
        try:
            user_key.decode()
        except UnicodeDecodeError:
            return "The user id is no UTF-8."
        return None

    async def _list(self, partition: int, user_key: bytes) -> Answer:
        # Read at once, on the event loop, as a rebalance closes partitions: between the two nothing can come.
        record = self._store.load(partition, user_key)
        try:
            body = await self._lists.list_of((partition, user_key), record)
        except ListsAreBusy:
            return not_now("The worker is busy with other users' lists.")
        except ArtifactError:
            log.exception("The model failed on a list that was asked for")
            return _sentence(500, "The model failed on this user's state; the worker's log says how.")
        return Answer(200, body, headers={"Cache-Control": "no-store"})

    async def _forward(self, address: URL, question: Question, user_key: bytes) -> Answer:
        # Encoded anew, each byte: nothing of it can be taken for a part of the address.
        authorization = None if self._access.is_open else question.authorization
        path = PREFIX + quote(user_key, safe="").replace(".", "%2E")
        try:
            return await self._others.ask(URL(f"{address.origin()}{path}", encoded=True), authorization)
        except NoAnswer as error:
            log.warning("The worker that owns a user does not answer", address=str(address), error=str(error))
            return _sentence(502, f"The worker that owns the user does not answer at {address}.")


CLOSED = (
    "This page is off: it can be reached from elsewhere and no token is set. Set NEXTCLICK_WEB_TOKEN, "
    "or let NEXTCLICK_WEB_HOST be a loopback address."
)


def not_now(why: str) -> Answer:
    """Return the answer to a question that may be asked again."""
    return _sentence(503, why, {"Retry-After": str(RETRY_AFTER_S)})


def _sentence(status: int, text: str, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, f"{text}\n".encode(), "text/plain", headers or {})
