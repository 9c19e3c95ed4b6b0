"""What happens behind the page: visitors' clicks go out, their lists come in, everybody's figures once a second."""

import asyncio
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor

import aiohttp

from export.artifact import Artifact
from models.errors import NextclickError
from nextclick.dead_letters import DeadLetter
from nextclick.page.account import ClickAccount
from nextclick.page.clicker import Clicker
from nextclick.page.crowd import MOST_CLICKS_PER_S, Crowd
from nextclick.page.events import Streams
from nextclick.page.explaining import explain
from nextclick.page.figures import FigureBoard
from nextclick.page.items import ItemSearch
from nextclick.page.messages import HelloMessage, ItemReason, LetterMessage, ListMessage, ReasonsMessage, WorkersMessage
from nextclick.page.poison import POISONS
from nextclick.page.visitors import Visitor, Visitors
from nextclick.page.workers import Workers, given_list
from nextclick.published_lists import PublishedList
from nextclick.replaying import ClickMessage
from nextclick.topic_reading import ConsumerRecord

FIGURES_EVERY_S = 1.0
SHOWN_LETTER_CHARACTERS = 120
LETTERS_KEPT = 5


class LivePage:
    """The page's visitors, streams and figures; but for the `take_...` methods it lives on one event loop.

    Args:
        artifact: The model: titles, and reasons.
        account: What became of the clicks.
        workers: Whose lists these are.
        clicker: Sends visitors' clicks.
        crowd: The users beside them; None where somebody else replays.
    """

    def __init__(
        self, artifact: Artifact, account: ClickAccount, workers: Workers, clicker: Clicker, crowd: Crowd | None
    ) -> None:
        self.artifact = artifact
        self.account = account
        self.workers = workers
        self.clicker = clicker
        self.crowd = crowd
        self.items = ItemSearch(artifact)
        self.visitors = Visitors()
        self.streams = Streams()
        self.board = FigureBoard(account, workers.counters)
        self.trouble = ""
        self._letters: deque[LetterMessage] = deque(maxlen=LETTERS_KEPT)
        self._told: WorkersMessage | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        # One explanation after the other: a person reads the newest list alone.
        self._explaining = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reasons")

    # In the feeds' threads.

    def take_lists(self, records: Sequence[ConsumerRecord], read_s: float) -> None:
        """Note lists that were read, and show visitors theirs."""
        for record, (published, is_first) in zip(records, self.account.take_lists(records, read_s), strict=True):
            if is_first and self._loop is not None and self.visitors.of_key(record.key) is not None:
                self._loop.call_soon_threadsafe(self._show_list, published, record.timestamp, read_s)

    def take_letters(self, records: Sequence[ConsumerRecord], read_s: float) -> None:
        """Note dead letters that were read, and show them."""
        letters = self.account.take_letters(records, read_s)
        if self._loop is not None and letters:
            self._loop.call_soon_threadsafe(self._show_letters, letters)

    # On the event loop.

    def begin(self) -> None:
        """Take the running event loop for the page's: what the feeds have read is handed over to it from now on."""
        self._loop = asyncio.get_running_loop()

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Watch the workers and tell the figures, until cancelled."""
        await asyncio.gather(self._watch_workers(session), self._tell_figures())

    def close(self) -> None:
        """End every stream and what is still being thought about."""
        self.streams.end_all()
        for task in self._tasks:
            task.cancel()
        self._explaining.shutdown(wait=False, cancel_futures=True)

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Let something run beside the requests; the loop itself keeps no task alive."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def click(self, visitor: Visitor, item_id: str) -> None:
        """Send a visitor's click.

        Raises:
            NextclickError: If there is no such item, or the broker does not take the click.
        """
        if item_id not in self.items:
            raise NextclickError(f"There is no item {item_id[:80]!r}.")
        event_id = f"{visitor.user_id}-{visitor.clicks_sent}"
        click = ClickMessage(visitor.user_id, item_id, _now_ms(), event_id=event_id)
        visitor.clicks_sent += 1
        visitor.clicks.append(click)
        try:
            await self.clicker.click(click)
        except NextclickError:
            visitor.clicks.remove(click)
            raise

    def hello(self, visitor: Visitor) -> HelloMessage:
        """Return what a browser needs to begin."""
        manifest = self.artifact.manifest
        waits_since_ms = visitor.waits_since_ms
        return HelloMessage(
            user_id=visitor.user_id,
            clicks=tuple(self.items.item(click.item_id) for click in reversed(visitor.clicks)),
            dataset=manifest.training_data.dataset,
            model_id=manifest.model_id,
            items=len(self.items),
            list_length=manifest.list_length,
            categories=self.items.categories,
            poisons=tuple(POISONS) if self.workers.are_ours else (),
            has_red_button=self.workers.are_ours,
            most_per_s=0 if self.crowd is None else MOST_CLICKS_PER_S,
            crowd_users=0 if self.crowd is None else self.crowd.users,
            partitions=len(self.account.ends()),
            figures=tuple(self.board.kept),
            letters=tuple(self._letters),
            waiting_ms=None if waits_since_ms is None else max(0, _now_ms() - waits_since_ms),
        )

    async def list_now(self, session: aiohttp.ClientSession, visitor: Visitor) -> ListMessage | None:
        """Return a visitor's present list: the newest one, or before the first click what a worker answers."""
        if visitor.shown is not None:
            return visitor.shown
        given = await given_list(self.workers, session, visitor.user_id)
        # A click's list that came meanwhile is the newer one.
        if given is None or visitor.shown is not None:
            return visitor.shown
        items = tuple(self.items.item(item_id) for item_id in given.items)
        return ListMessage(visitor.user_id, items, given.strategy)

    def _show_list(self, published: PublishedList, written_ms: int, read_s: float) -> None:
        visitor = self.visitors.of_id(published.user_id)
        if visitor is None:
            return
        visitor.newest = published
        visitor.shown = self._list_message(visitor, published, written_ms=written_ms, read_s=read_s)
        visitor.reasons = None
        self.streams.tell(visitor.shown, visitor.user_id)
        self.spawn(self._explain(visitor, published))

    def _list_message(
        self, visitor: Visitor, published: PublishedList, *, written_ms: int, read_s: float
    ) -> ListMessage:
        number = visitor.number_of(published)
        click = None if number is None else visitor.clicks[number]
        clicked_ms = None if click is None else click.timestamp_ms
        return ListMessage(
            user_id=visitor.user_id,
            items=tuple(self.items.item(item_id) for item_id in published.items),
            strategy=published.strategy,
            clicked=None if click is None else self.items.item(click.item_id),
            clicks=0 if number is None else number + 1,
            after_ms=None if clicked_ms is None else int(read_s * 1000) - clicked_ms,
            written_after_ms=None if clicked_ms is None else written_ms - clicked_ms,
            offset=f"{published.source.partition}/{published.source.offset}",
        )

    async def _explain(self, visitor: Visitor, published: PublishedList) -> None:
        number = visitor.number_of(published)
        # Of somebody who clicks faster than reasons are found only the newest list is explained.
        if number is None or visitor.newest is not published:
            return
        clicks = visitor.clicks[: number + 1]
        loop = asyncio.get_running_loop()
        reasons = await loop.run_in_executor(self._explaining, explain, self.artifact, clicks, published.items)
        named = tuple(
            ItemReason(reason.item_id, self.items.item(reason.because).title, reason.place_without)
            for reason in reasons
        )
        offset = f"{published.source.partition}/{published.source.offset}"
        message = ReasonsMessage(offset, named)
        if visitor.newest is published:
            visitor.reasons = message
        self.streams.tell(message, visitor.user_id)

    def _show_letters(self, letters: Sequence[DeadLetter]) -> None:
        for letter in letters:
            self.board.letters[letter.reason] += 1
            value = (letter.value or b"").decode(errors="replace")[:SHOWN_LETTER_CHARACTERS]
            message = LetterMessage(letter.reason, letter.detail, str(letter.source), value)
            self._letters.append(message)
            self.streams.tell(message)

    async def _watch_workers(self, session: aiohttp.ClientSession) -> None:
        while True:
            was_ready = self.workers.is_ready
            await self.workers.tend(session)
            self.tell_workers()
            if self.workers.is_ready and not was_ready:
                await self._greet_those_without_a_list(session)
            await asyncio.sleep(self.workers.tend_s)

    async def _greet_those_without_a_list(self, session: aiohttp.ClientSession) -> None:
        for user_id in self.streams.user_ids:
            visitor = self.visitors.of_id(user_id)
            message = None if visitor is None or visitor.newest else await self.list_now(session, visitor)
            if message is not None:
                self.streams.tell(message, user_id)

    def tell_workers(self, *, again: bool = False) -> None:
        """Tell how the workers are, if it is news."""
        message = WorkersMessage(self.workers.views())
        if again or message != self._told:
            self._told = message
            self.streams.tell(message)

    async def _tell_figures(self) -> None:
        while True:
            await asyncio.sleep(FIGURES_EVERY_S)
            rate = None if self.crowd is None else self.crowd.clicks_per_s
            self.streams.tell(self.board.take(rate=rate, trouble=self.trouble))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
