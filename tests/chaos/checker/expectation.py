"""What each click should have led to: computed user by user, click by click, from nothing but the click topic."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tests.chaos.checker.clicks import Click, Place
from tests.chaos.checker.model import CheckedModel, List, Tensors, eight_byte_hash
from tests.chaos.checker.states import DecodedState

# Whose state it is: partition and key.
User = tuple[int, bytes]


@dataclass(frozen=True)
class Expected:
    """What one valid click should have led to.

    Attributes:
        click: The click.
        ranked: Items and scores of its list; None where everyone's clicks of the moment are in them.
        strategy: What the list says of how it came about, where no counts are known yet.
        state: The user's state after it; None without consent.
    """

    click: Click
    ranked: List | None
    strategy: str
    state: DecodedState | None


def expectations(model: CheckedModel, clicks: Mapping[Place, Click]) -> dict[Place, Expected]:
    """Return what is expected of each click, by place."""
    by_user: dict[User, list[Click]] = defaultdict(list)
    for click in clicks.values():
        by_user[click.record.partition, click.user_id.encode()].append(click)
    expected = (one for of_user in by_user.values() for one in _expect_user(model, of_user))
    return {(one.click.record.partition, one.click.record.offset): one for one in expected}


def _expect_user(model: CheckedModel, clicks: Iterable[Click]) -> Iterable[Expected]:
    state: DecodedState | None = None
    tensors = model.empty()
    for click in sorted(clicks, key=lambda one: one.record.offset):
        if click.consent:
            state, tensors = _apply(model, click, state, tensors)
            ranked, strategy = _personal(model, tensors, state)
            yield Expected(click, ranked, strategy, state)
        else:
            yield _expect_alone(model, click)


def _apply(
    model: CheckedModel, click: Click, before: DecodedState | None, tensors: Tensors
) -> tuple[DecodedState, Tensors]:
    session_hash = 0 if click.session_id is None else eight_byte_hash(click.session_id) or 1
    newest_ms = click.timestamp_ms if before is None else before.updated_at_ms
    gap_ms = max(0, click.timestamp_ms - newest_ms)
    begins = before is None or model.begins_session(gap_ms, other_id=session_hash not in (0, before.session_hash))
    if begins:
        tensors, gap_ms = model.empty(), 0
    if model.knows(click.item_id):
        tensors = model.step(click.item_id, gap_ms, click.event_type, tensors)
    ring = (*(() if before is None else before.ring), (eight_byte_hash(click.item_id), click.timestamp_ms))
    after = DecodedState(
        source_partition=click.record.partition,
        last_offset=click.record.offset,
        updated_at_ms=max(newest_ms, click.timestamp_ms),
        clicks=1 if before is None else before.clicks + 1,
        session_hash=session_hash or (0 if before is None else before.session_hash),
        session_clicks=1 if begins or before is None else before.session_clicks + 1,
        ring=ring[-model.ring_length :],
        slots=((model.model_id, b"".join(tensor.tobytes() for tensor in tensors)),),
    )
    return after, tensors


def _personal(model: CheckedModel, tensors: Tensors, state: DecodedState) -> tuple[List | None, str]:
    seen = [item_hash for item_hash, _ in state.ring]
    if any(tensor.any() for tensor in tensors):
        return _unless_counted(model, lambda: model.personal_list(tensors, seen)), "personal"
    return _unless_counted(model, lambda: model.popular_list(seen)), "popular"


def _expect_alone(model: CheckedModel, click: Click) -> Expected:
    """A click without consent: one step from nothing, and no state."""
    seen = [eight_byte_hash(click.item_id)]
    if not model.knows(click.item_id):
        return Expected(click, _unless_counted(model, lambda: model.popular_list(seen)), "popular", None)
    tensors = model.step(click.item_id, 0, click.event_type, model.empty())
    return Expected(click, _unless_counted(model, lambda: model.personal_list(tensors, seen)), "single_click", None)


def _unless_counted(model: CheckedModel, rank: Callable[[], List]) -> List | None:
    return rank() if model.counts is None else None
