"""Which users are shown, and for how long: a picture has to stand still long enough to be read."""

from dataclasses import dataclass

from nextclick.demo.scoreboard import Scoreboard, UserView

# One card changes at a time, each of four then stands for three seconds.
CHANGE_EVERY_S = 0.75
# A user who goes on clicking is followed for this long before somebody else has a turn.
FOLLOW_S = 9.0


@dataclass
class _Card:
    view: UserView
    since_s: float
    changed_s: float


class Cards:
    """A few users, each as of a moment ago.

    Args:
        scoreboard: Where the users are.
    """

    def __init__(self, scoreboard: Scoreboard) -> None:
        self._scoreboard = scoreboard
        self._cards: list[_Card] = []
        self._changed_s = 0.0

    def views(self, count: int, now_s: float) -> list[UserView]:
        """Return what to show, at most `count` users; calls in quick succession return the same.

        Args:
            count: How many cards there is room for.
            now_s: The present, by any clock that only goes forward.
        """
        del self._cards[count:]
        if now_s - self._changed_s >= CHANGE_EVERY_S or not self._cards:
            recent = self._scoreboard.recent_users()
            if len(self._cards) < count and self._fill(recent, now_s):
                self._changed_s = now_s
            elif self._cards:
                self._change(min(self._cards, key=lambda card: card.changed_s), recent, now_s)
                self._changed_s = now_s
        return [card.view for card in self._cards]

    def _fill(self, recent: list[str], now_s: float) -> bool:
        """Add a card for the latest user who has none; False where there is no such user."""
        newcomer = self._newcomer(recent, len(recent))
        if newcomer is None:
            return False
        self._cards.append(_Card(self._scoreboard.view(newcomer), now_s, now_s))
        return True

    def _change(self, card: _Card, recent: list[str], now_s: float) -> None:
        """Let a card show its user's present, or, where the user went away or was there long enough, another one."""
        present = self._scoreboard.view(card.view.user_id)
        went_away = present.click_count == card.view.click_count
        if went_away or now_s - card.since_s > FOLLOW_S:
            # Only those who have just clicked: somebody of long ago is no news.
            newcomer = self._newcomer(recent, len(self._cards) + 1)
            if newcomer is not None:
                present, card.since_s = self._scoreboard.view(newcomer), now_s
        card.view, card.changed_s = present, now_s

    def _newcomer(self, recent: list[str], among: int) -> str | None:
        shown = {card.view.user_id for card in self._cards}
        return next((user_id for user_id in recent[:among] if user_id not in shown), None)
