"""Step 4: one step of the model a click, round by round.

Legend: N clicks of the batch, B clicks of a round, S stepped clicks, R ring length.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.runtime import ModelRuntime, State, gather_state
from models.sequences.features import encode_features, no_values
from workers.applying import apply_clicks, are_applied, forget_expired
from workers.click_columns import ClickColumns
from workers.events import Strategy
from workers.rounds import cut_rounds
from workers.state_arena import UNKNOWN_ITEM, Rows, StateArena

STRATEGIES = tuple(Strategy)
_CODE = {strategy: np.uint8(code) for code, strategy in enumerate(STRATEGIES)}
NO_ROW = -1


@dataclass(frozen=True, slots=True)
class SteppedClicks:
    """Clicks whose step is taken, a column a field.

    Attributes:
        position: Which clicks of the batch, (S,).
        row: The arena's row of each one's user, -1 without consent, (S,).
        tensors: The model's tensors after each, (S, ...): copies, later clicks do not change them.
        seen_index: Items that the user has clicked lately, this one included, padded with -1, (S, R); (S, 0) where
            nobody asks.
        strategy: How a list for each comes about: positions in `STRATEGIES`, (S,).
        clicks: How many clicks the state stands for, this one included; without consent this one alone, (S,).
        recent_index: What the user clicked last, newest first, this one included, -1 where it is not known or where
            there is nothing more, (S, R); (S, 0) where nobody asks.
        session_clicks: How many clicks the session has, this one included, (S,).
    """

    position: NDArray[np.int64]
    row: Rows
    tensors: State
    seen_index: NDArray[np.int32]
    strategy: NDArray[np.uint8]
    clicks: NDArray[np.int64]
    recent_index: NDArray[np.int32]
    session_clicks: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.position)

    def take(self, order: NDArray[np.int64]) -> "SteppedClicks":
        """Return these of them, in this order."""
        return SteppedClicks(
            self.position[order],
            self.row[order],
            tuple(tensor[order] for tensor in self.tensors),
            self.seen_index[order],
            self.strategy[order],
            self.clicks[order],
            self.recent_index[order],
            self.session_clicks[order],
        )

    def in_order(self) -> "SteppedClicks":
        """Return them in the order of the batch; one round alone is in it already."""
        if (np.diff(self.position) > 0).all():
            return self
        return self.take(np.argsort(self.position))

    def newest_per_user(self) -> "SteppedClicks":
        """Keep each user's newest click; clicks without consent belong to nobody and all stay.

        They must be in the order of the batch.
        """
        # Told apart by numbers that no row has.
        owner = np.where(self.row == NO_ROW, -2 - self.position, self.row)
        _, from_the_end = np.unique(owner[::-1], return_index=True)
        return self.take(np.sort(len(self) - 1 - from_the_end))


@dataclass(frozen=True, slots=True)
class StepCounts:
    """What happened to the clicks that may be remembered.

    Attributes:
        applied: Stepped, to be saved.
        redelivered: At or below their user's `last_offset`: counted and nothing more.
        late: Applied, with an event time before one already applied.
        unknown_items: Applied, on items that the model does not know.
    """

    applied: int = 0
    redelivered: int = 0
    late: int = 0
    unknown_items: int = 0


class Stepper:
    """Takes the steps of a micro-batch.

    Args:
        runtime: The model.
        arena: Where the users' states are; changed in place, nothing of it is durable.
        state_ttl_ms: A user who was away for longer, in event time, starts over; None: nobody does.
        with_seen: Whether what the user has clicked lately is handed on, in no order.
        with_recent: Whether it is handed on newest first: what live counts are read and counted by.
    """

    def __init__(
        self,
        runtime: ModelRuntime,
        arena: StateArena,
        *,
        state_ttl_ms: int | None,
        with_seen: bool,
        with_recent: bool = False,
    ) -> None:
        self._runtime = runtime
        self._manifest = runtime.manifest
        self._arena = arena
        self._state_ttl_ms = state_ttl_ms
        # Columns of `seen_index`.
        self._seen_items = self._manifest.ring_length if with_seen else 0
        self._with_recent = with_recent

    def step(self, clicks: ClickColumns, rows: Rows, consent: NDArray[np.bool_]) -> tuple[SteppedClicks, StepCounts]:
        """Advance the users' states by their clicks.

        Args:
            clicks: The micro-batch, in offset order within each partition.
            rows: Where each click's state is; of no meaning where there is no consent, (N,).
            consent: Whether a click's user may be remembered, (N,).

        Returns:
            The clicks that were not applied before, in the order of the batch, and counts.
        """
        allowed = np.flatnonzero(consent)
        rounds = [allowed[positions] for positions in cut_rounds(rows[allowed])]
        taken = [self._step_round(positions, clicks.take(positions), rows[positions]) for positions in rounds]
        parts = [one for one, _ in taken]
        if len(allowed) < len(consent) or not parts:
            parts.append(self._step_alone(np.flatnonzero(~consent), clicks))
        stepped = join_stepped(parts)
        applied = sum(len(one) for one, _ in taken)
        counts = StepCounts(
            applied=applied,
            redelivered=len(allowed) - applied,
            late=sum(late for _, late in taken),
            unknown_items=sum(int((clicks.item_index[one.position] == UNKNOWN_ITEM).sum()) for one, _ in taken),
        )
        return stepped.in_order(), counts

    def without_a_click(self, rows: Rows) -> SteppedClicks:
        """Return the states in these rows as their newest clicks have left them."""
        return self._as_they_stand(np.arange(len(rows)), rows)

    def probe(self) -> None:
        """Take a step from the empty state, on the first item.

        Raises:
            ArtifactError: If the model fails on any click.
        """
        features = encode_features(self._manifest.features, [0], [None], no_values(1))
        self._runtime.step(np.zeros(1, np.int64), features, self._runtime.initial_state(1))

    def _step_round(self, position: Rows, clicks: ClickColumns, rows: Rows) -> tuple[SteppedClicks, int]:
        """Return the clicks of a round that were not applied before, and how many of them are late."""
        fresh = np.flatnonzero(~are_applied(self._arena, rows, clicks))
        if len(fresh) < len(rows):
            position, clicks, rows = position[fresh], clicks.take(fresh), rows[fresh]
        forget_expired(self._arena, rows, clicks, state_ttl_ms=self._state_ttl_ms)
        applied = apply_clicks(self._arena, rows, clicks, session_rule=self._manifest.session_rule)
        self._advance(rows, clicks, applied.gap_ms)
        return self._as_they_stand(position, rows), int(applied.late.sum())

    def _advance(self, rows: Rows, clicks: ClickColumns, gap_ms: NDArray[np.int64]) -> None:
        """Take the step of every click on an item that the model knows."""
        known = np.flatnonzero(clicks.item_index != UNKNOWN_ITEM)
        if len(known) < len(rows):
            rows, clicks, gap_ms = rows[known], clicks.take(known), gap_ms[known]
        self._arena.scatter(rows, self._run(clicks, gap_ms, self._arena.gather(rows)))

    def _run(self, clicks: ClickColumns, gap_ms: NDArray[np.int64], state: State) -> State:
        if not len(clicks):
            return state
        features = encode_features(self._manifest.features, gap_ms, clicks.event_type, clicks.value)
        return self._runtime.step(clicks.item_index, features, state)

    def _as_they_stand(self, position: Rows, rows: Rows) -> SteppedClicks:
        seen_index = self._arena.ring_items(rows, self._seen_items)
        head = self._arena.head[rows]
        return SteppedClicks(
            position,
            rows,
            self._arena.gather(rows),
            seen_index,
            self._strategies(rows),
            head["clicks"].astype(np.int64),
            self._arena.recent_items(rows) if self._with_recent else np.empty((len(rows), 0), np.int32),
            head["session_clicks"].astype(np.int64),
        )

    def _strategies(self, rows: Rows) -> NDArray[np.uint8]:
        strategy = np.where(self._arena.rebuilt[rows], _CODE[Strategy.REBUILT], _CODE[Strategy.PERSONAL])
        strategy[self._arena.are_clear(rows)] = _CODE[Strategy.POPULAR]
        # Once: the next click finds a state that this model made, in this batch or in a later one.
        self._arena.rebuilt[rows] = False
        return strategy

    def _step_alone(self, position: Rows, clicks: ClickColumns) -> SteppedClicks:
        """Take each click's step from the empty state: what is left without consent to more."""
        alone = clicks.take(position)
        known = np.flatnonzero(alone.item_index != UNKNOWN_ITEM)
        tensors = self._runtime.initial_state(len(alone))
        stepped = self._run(alone.take(known), np.zeros(len(known), np.int64), tuple(t[known] for t in tensors))
        for tensor, advanced in zip(tensors, stepped, strict=True):
            tensor[known] = advanced
        strategy = np.full(len(alone), _CODE[Strategy.POPULAR], np.uint8)
        strategy[known] = _CODE[Strategy.SINGLE_CLICK]
        seen_index = np.full((len(alone), self._seen_items), UNKNOWN_ITEM, np.int32)
        seen_index[:, :1] = alone.item_index[:, None]
        rows, one_click = np.full(len(alone), NO_ROW), np.ones(len(alone), np.int64)
        recent_index = np.full(
            (len(alone), self._manifest.ring_length if self._with_recent else 0), UNKNOWN_ITEM, np.int32
        )
        recent_index[:, :1] = alone.item_index[:, None]
        return SteppedClicks(position, rows, tensors, seen_index, strategy, one_click, recent_index, one_click)


def join_stepped(parts: Sequence[SteppedClicks]) -> SteppedClicks:
    """Return the parts, at least one, one behind the other."""
    parts = [part for part in parts if len(part)] or parts[:1]
    if len(parts) == 1:
        return parts[0]
    return SteppedClicks(
        np.concatenate([part.position for part in parts]),
        np.concatenate([part.row for part in parts]),
        gather_state([part.tensors for part in parts]),
        np.concatenate([part.seen_index for part in parts]),
        np.concatenate([part.strategy for part in parts]),
        np.concatenate([part.clicks for part in parts]),
        np.concatenate([part.recent_index for part in parts]),
        np.concatenate([part.session_clicks for part in parts]),
    )
