"""The people at the browsers: each browser is a user, until it starts over as someone new."""

import secrets
from dataclasses import dataclass, field

from nextclick.published_lists import PublishedList
from nextclick.replaying import ClickMessage

PREFIX = "you-"
# Who opens the page over and over again must not fill the memory; the eldest are forgotten.
MOST_VISITORS = 1_000


@dataclass
class Visitor:
    """One user at a browser.

    Attributes:
        user_id: Made by us, and nobody's before.
        clicks: What was clicked, oldest first.
        newest: The list that came last; None before the first.
    """

    user_id: str
    clicks: list[ClickMessage] = field(default_factory=list)
    newest: PublishedList | None = None

    @property
    def key(self) -> bytes:
        """The key of the user's records."""
        return self.user_id.encode()

    def number_of(self, published: PublishedList) -> int | None:
        """Return which of the clicks a list answers, from 0; None where it is none of these."""
        newest_first = reversed(range(len(self.clicks)))
        return next((number for number in newest_first if self.clicks[number].event_id == published.event_id), None)


class Visitors:
    """Everybody who has been given a name by this page."""

    def __init__(self) -> None:
        self._of_key: dict[bytes, Visitor] = {}

    def welcome(self) -> Visitor:
        """Return someone new."""
        visitor = Visitor(PREFIX + secrets.token_hex(4))
        self._of_key[visitor.key] = visitor
        if len(self._of_key) > MOST_VISITORS:
            del self._of_key[next(iter(self._of_key))]
        return visitor

    def of_id(self, user_id: str | None) -> Visitor | None:
        """Return the visitor that this page has given the name, or None."""
        return None if user_id is None else self._of_key.get(user_id.encode())

    def of_key(self, key: bytes | None) -> Visitor | None:
        """Return the visitor whose records have this key, or None."""
        return None if key is None else self._of_key.get(key)
