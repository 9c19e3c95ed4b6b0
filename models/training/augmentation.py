"""Augmentation of training sessions, drawn anew every epoch: crop, mask and reorder.

Xie et al., 2022, `Contrastive learning for sequential recommendation` (CL4SRec), section III-B. They make two views of
a sequence and pull them together; here a view takes the session's place for an epoch, and what is learned from it is
the next click, as ever. The three, for a session of n clicks:

- crop keeps a run of floor(share n) clicks that begins anywhere;
- mask takes floor(share n) clicks out. CL4SRec puts a mask token in their place; a recurrence has no such item, and on
  the stream an item that the model does not know leaves the state as it is: to the state, a masked click never was;
- reorder shuffles a run of floor(share n) clicks that begins anywhere.

A session keeps at least two clicks, else it would have nothing to predict. A click keeps its features wherever it goes;
times stay in order.

Legend: N clicks, S sessions.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.bounds import Fraction
from models.sequences.changed_sessions import put_together
from models.sequences.encoded_sessions import EncodedSessions

Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
# Sessions with other clicks, and how many each has lost or moved, (S,).
Changed = tuple[EncodedSessions, NDArray[np.int64]]
# One to step through, one to predict.
FEWEST_CLICKS = 2


class Crop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[augmentation.crop]`: CL4SRec's eta is `share`; a session is cropped with this probability."""

    probability: Fraction = 0.5
    share: Share = 0.6


class Mask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[augmentation.mask]`: CL4SRec's gamma is `share`; a session is masked with this probability."""

    probability: Fraction = 0.5
    share: Share = 0.3


class Reorder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[augmentation.reorder]`: CL4SRec's beta is `share`; a session is reordered with this probability."""

    probability: Fraction = 0.5
    share: Share = 0.3


class Augmentation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[augmentation]`: what is done to a training session before an epoch, in this order; None: nothing."""

    crop: Crop | None = None
    mask: Mask | None = None
    reorder: Reorder | None = None


class AugmentationReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an epoch's augmentation changed.

    Attributes:
        sessions: S.
        cropped: Sessions that lost their beginning, their end or both.
        masked: Sessions that lost clicks from anywhere.
        reordered: Sessions whose clicks come in another order.
        clicks: N before.
        clicks_cropped: Clicks that cropping took.
        clicks_masked: Clicks that masking took.
        clicks_moved: Clicks that are in another place of their session than before reordering.
    """

    sessions: int
    cropped: int
    masked: int
    reordered: int
    clicks: int
    clicks_cropped: int
    clicks_masked: int
    clicks_moved: int


def augment(
    sessions: EncodedSessions, augmentation: Augmentation, generator: np.random.Generator
) -> tuple[EncodedSessions, AugmentationReport]:
    """Make an epoch's view of the training sessions, on disk where they are: piece by piece, by the same numbers.

    Args:
        sessions: Without history.
        augmentation: What to do. With nothing to do, the very sessions are returned and nothing is drawn.
        generator: Draws; the same state gives the same view, in whatever pieces.
    """
    view, crop_losses = _crop(sessions, augmentation.crop, generator)
    view, mask_losses = _mask(view, augmentation.mask, generator)
    view, moves = _reorder(view, augmentation.reorder, generator)
    return view, AugmentationReport(
        sessions=len(sessions),
        cropped=int(np.count_nonzero(crop_losses)),
        masked=int(np.count_nonzero(mask_losses)),
        reordered=int(np.count_nonzero(moves)),
        clicks=len(sessions.item_index),
        clicks_cropped=int(crop_losses.sum()),
        clicks_masked=int(mask_losses.sum()),
        clicks_moved=int(moves.sum()),
    )


def _crop(sessions: EncodedSessions, crop: Crop | None, generator: np.random.Generator) -> Changed:
    """Return what is left, and how many clicks each session lost, (S,)."""
    if crop is None:
        return sessions, np.zeros(len(sessions), dtype=np.int64)
    length = _kept(sessions.lengths, crop.share)
    start = _start(sessions.lengths, length, generator)
    chosen = generator.random(len(sessions)) < crop.probability

    def cropped(piece: EncodedSessions, run: slice) -> Changed:
        session, position = _places(piece)
        within = (position >= start[run][session]) & (position < (start + length)[run][session])
        return _take_out(piece, chosen[run][session] & ~within)

    return _change(sessions, cropped)


def _mask(sessions: EncodedSessions, mask: Mask | None, generator: np.random.Generator) -> Changed:
    """Return what is left, and how many clicks each session lost, (S,)."""
    if mask is None:
        return sessions, np.zeros(len(sessions), dtype=np.int64)
    lost = sessions.lengths - _kept(sessions.lengths, 1 - mask.share, rounded_up=True)
    chosen = generator.random(len(sessions)) < mask.probability

    def masked(piece: EncodedSessions, run: slice) -> Changed:
        session, position = _places(piece)
        # Of each session the clicks with the smallest numbers go.
        by_number = np.lexsort((generator.random(len(session)), session))
        doomed = np.zeros(len(session), dtype=np.bool_)
        doomed[by_number] = position < np.where(chosen[run], lost[run], 0)[session]
        return _take_out(piece, doomed)

    return _change(sessions, masked)


def _reorder(sessions: EncodedSessions, reorder: Reorder | None, generator: np.random.Generator) -> Changed:
    """Return the clicks in their new order, and how many of each session moved, (S,)."""
    if reorder is None:
        return sessions, np.zeros(len(sessions), dtype=np.int64)
    length = np.floor(sessions.lengths * reorder.share).astype(np.int64)
    start = _start(sessions.lengths, length, generator)
    chosen = generator.random(len(sessions)) < reorder.probability

    def reordered(piece: EncodedSessions, run: slice) -> Changed:
        session, position = _places(piece)
        first, behind = start[run][session], (start + length)[run][session]
        shuffled = chosen[run][session] & (position >= first) & (position < behind)
        # A click of the run gets a number within the run's bounds, every other click keeps its own.
        drawn = first + generator.random(len(session)) * (behind - first)
        order = np.lexsort((np.where(shuffled, drawn, position), session))
        moves = np.bincount(session[order != np.arange(len(order))], minlength=len(piece))
        return replace(_take(piece, order, piece.first_click), timestamp_ms=piece.timestamp_ms), moves

    return _change(sessions, reordered)


def _change(sessions: EncodedSessions, change: Callable[[EncodedSessions, slice], Changed]) -> Changed:
    """Change sessions piece by piece.

    Args:
        sessions: All of them.
        change: Is given a piece, and which of the sessions it is; in order, so that what it draws follows from the
            generator's state before.
    """
    counts = []

    def changed() -> Iterator[EncodedSessions]:
        begin = 0
        for piece in sessions.pieces():
            view, count = change(piece, slice(begin, begin + len(piece)))
            counts.append(count)
            begin += len(piece)
            yield view

    return put_together(changed(), sessions), np.concatenate(counts)


def _kept(lengths: NDArray[np.int64], share: float, *, rounded_up: bool = False) -> NDArray[np.int64]:
    """Return that share of each length, but at least two clicks where there are two."""
    # A share like .7 is not exact: 10 x (1 - .3) must be 7, and not 8 when rounded up.
    exact = np.round(lengths * share, 9)
    kept = np.ceil(exact) if rounded_up else np.floor(exact)
    return np.minimum(np.maximum(kept.astype(np.int64), FEWEST_CLICKS), lengths)


def _start(lengths: NDArray[np.int64], run: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.int64]:
    """Draw where a run of clicks begins in each session, (S,)."""
    return generator.integers(0, lengths - run + 1)


def _places(sessions: EncodedSessions) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each click's session and its position there, (N,) both."""
    session = np.repeat(np.arange(len(sessions)), sessions.lengths)
    return session, np.arange(len(session)) - sessions.first_click[session]


def _take_out(sessions: EncodedSessions, doomed: NDArray[np.bool_]) -> tuple[EncodedSessions, NDArray[np.int64]]:
    """Leave clicks, (N,), out; return also how many each session lost, (S,)."""
    session, _ = _places(sessions)
    losses = np.bincount(session[doomed], minlength=len(sessions))
    first_click = np.concatenate(([0], np.cumsum(sessions.lengths - losses, dtype=np.int64)))
    return _take(sessions, np.flatnonzero(~doomed), first_click), losses


def _take(sessions: EncodedSessions, clicks: NDArray[np.int64], first_click: NDArray[np.int64]) -> EncodedSessions:
    """Return the sessions with these clicks."""
    return replace(
        sessions,
        first_click=first_click,
        item_index=sessions.item_index[clicks],
        timestamp_ms=sessions.timestamp_ms[clicks],
        features=sessions.features[clicks],
        value=None if sessions.value is None else sessions.value[clicks],
    )
