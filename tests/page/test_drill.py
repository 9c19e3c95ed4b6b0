"""What is said of a list after a kill."""

import msgspec
import pytest

from nextclick.page.drill import _verdict
from nextclick.published_lists import ClickSource, PublishedList


def body(offset: int | None, *scores: float) -> bytes:
    source = None if offset is None else ClickSource("clicks", 0, offset, 1)
    items = [str(number) for number in range(len(scores))]
    return msgspec.json.encode({"items": items, "scores": scores, "source": source})


def published(offset: int, *scores: float) -> PublishedList:
    items = tuple(str(number) for number in range(len(scores)))
    return PublishedList(1, "you", items, scores, "model", "personal", ClickSource("clicks", 0, offset, 1))


@pytest.mark.parametrize(
    ("before", "after", "newest", "verdict"),
    [
        (body(4, 2.0, 1.0), body(4, 2.0, 1.0), published(4, 2.0, 1.0), "identical"),
        (body(None, 2.0), body(None, 2.0), None, "identical"),
        (body(4, 2.0, 1.0), body(4, 2.0, 0.5), published(4, 2.0, 1.0), "different"),
        # A user whose state is lost is somebody of whom nothing is known.
        (body(4, 2.0), body(None, 2.0), published(4, 2.0), "different"),
        (body(3, 9.0), body(4, 2.0, 1.0), published(4, 2.0, 1.0), "as_published"),
        (body(3, 9.0), body(4, 2.0, 1.0), published(4, 2.0, 1.5), "different"),
        (body(3, 9.0), body(4, 2.0, 1.0), published(5, 2.0, 1.0), "clicked_meanwhile"),
        (None, body(4, 2.0), None, "unknown"),
        (body(4, 2.0), None, None, "unknown"),
    ],
)
def test_a_list_before_and_after(
    before: bytes | None, after: bytes | None, newest: PublishedList | None, verdict: str
) -> None:
    """The same bytes are identical; another click's list has to be the one that was published for it."""
    assert _verdict(before, after, newest) == verdict
