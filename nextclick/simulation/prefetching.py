"""One stage of work ahead of the next, in a thread: onnxruntime and zstd let go of the interpreter while they run."""

import contextlib
import queue
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_AHEAD = 2
# How often a stage looks whether anyone still wants what it makes.
_CHECK_S = 0.2


def prefetched(items: Iterable[_Item], name: str) -> Iterator[_Item]:
    """Yield the items in their order, up to two of them made before they are asked for.

    What making one raises is raised here, behind the items before it. The thread ends with the iteration, also where
    that is given up.
    """
    stage = _Stage(items, name)
    try:
        while isinstance(entry := stage.made.get(), _Made):
            yield entry.item
        if entry.failure is not None:
            raise entry.failure
    finally:
        stage.give_up()


@dataclass(frozen=True)
class _Made(Generic[_Item]):
    item: _Item


@dataclass(frozen=True)
class _End:
    failure: BaseException | None


class _Stage(Generic[_Item]):
    def __init__(self, items: Iterable[_Item], name: str) -> None:
        self.made: queue.Queue[_Made[_Item] | _End] = queue.Queue(maxsize=_AHEAD)
        self._items = items
        self._is_given_up = threading.Event()
        self._thread = threading.Thread(target=self._make, name=name, daemon=True)
        self._thread.start()

    def give_up(self) -> None:
        self._is_given_up.set()
        self._thread.join()

    def _make(self) -> None:
        failure: BaseException | None = None
        try:
            for item in self._items:
                self._put(_Made(item))
                if self._is_given_up.is_set():
                    break
        except BaseException as raised:  # noqa: BLE001 - raised again where the items are wanted
            failure = raised
        self._put(_End(failure))

    def _put(self, entry: _Made[_Item] | _End) -> None:
        while not self._is_given_up.is_set():
            with contextlib.suppress(queue.Full):
                self.made.put(entry, timeout=_CHECK_S)
                break
