"""The people at the browsers: each browser is a user, until it starts over as someone new."""

import secrets
from dataclasses import dataclass, field

from nextclick.page.messages import ListMessage, ReasonsMessage
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
        shown: The same as it was shown.
        reasons: Why its items are on it; None before they are found.
        clicks_sent: How many clicks were tried, those that the broker did not take too.
    """

    user_id: str
    clicks: list[ClickMessage] = field(default_factory=list)
    newest: PublishedList | None = None
    shown: ListMessage | None = None
    reasons: ReasonsMessage | None = None
    clicks_sent: int = 0

    @property
    def key(self) -> bytes:
        """The key of the user's records."""
        return self.user_id.encode()

    @property
    def waits_since_ms(self) -> int | None:
        """When the newest click was made, if its list has not come; else None."""
        if not self.clicks or (self.newest is not None and self.number_of(self.newest) == len(self.clicks) - 1):
            return None
        return self.clicks[-1].timestamp_ms

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
