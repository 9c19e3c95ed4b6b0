"""Step 4: one step of the model a click, round by round.

Legend: B clicks of a round.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from export.runtime import ModelRuntime, State
from models.features import encode_features
from models.vocabulary import ItemVocabulary
from workers.applying import Applied, apply_click
from workers.events import ClickEvent, Strategy
from workers.loading import LoadedStates, UserKey
from workers.rounds import cut_rounds
from workers.user_state import UserState


@dataclass(frozen=True, slots=True)
class SteppedClick:
    """A click whose step is taken.

    Attributes:
        click: The click.
        state: The user's state after it, its slots still the ones that were loaded; None without consent.
        tensors: The model's tensors after it, each (1, ...): a copy, later clicks do not change it.
        strategy: How a list for it comes about.
    """

    click: ClickEvent
    state: UserState | None
    tensors: State
    strategy: Strategy


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


def user_key(click: ClickEvent) -> UserKey:
    """Return whose state a click advances."""
    return click.record.partition, click.user_id.encode()


class Stepper:
    """Takes the steps of a micro-batch.

    Args:
        runtime: The model.
        vocabulary: Its items.
        state_ttl_ms: A user who was away for longer, in event time, starts over; None: nobody does.
    """

    def __init__(self, runtime: ModelRuntime, vocabulary: ItemVocabulary, *, state_ttl_ms: int | None) -> None:
        self._runtime = runtime
        self._manifest = runtime.manifest
        self._vocabulary = vocabulary
        self._state_ttl_ms = state_ttl_ms

    def step(self, clicks: Sequence[ClickEvent], loaded: LoadedStates) -> tuple[list[SteppedClick], StepCounts]:
        """Advance the loaded states by their users' clicks.

        Args:
            clicks: The micro-batch with consent, in offset order.
            loaded: Their users' states; changed in place, nothing of it is durable.

        Returns:
            The clicks that were not applied before, in the order of their rounds, and counts.
        """
        users = [user_key(click) for click in clicks]
        stepped: list[SteppedClick] = []
        late = 0
        for positions in cut_rounds(users):
            round_ = [
                (users[position], clicks[position])
                for position in positions
                if not _is_applied(loaded.states[users[position]], clicks[position])
            ]
            applied = [self._apply(user, click, loaded) for user, click in round_]
            late += sum(one.late for one in applied)
            stepped += self._step_round(round_, applied, loaded)
        counts = StepCounts(
            applied=len(stepped),
            redelivered=len(clicks) - len(stepped),
            late=late,
            unknown_items=sum(one.click.item_id not in self._vocabulary for one in stepped),
        )
        return stepped, counts

    def step_alone(self, clicks: Sequence[ClickEvent]) -> list[SteppedClick]:
        """Take each click's step from the empty state: what is left without consent to more."""
        known = [click for click in clicks if click.item_id in self._vocabulary]
        state = self._run(known, [0] * len(known), self._runtime.initial_state(len(known)))
        tensors = {id(click): tuple(t[row : row + 1] for t in state) for row, click in enumerate(known)}
        empty = self._runtime.initial_state(1)
        return [
            SteppedClick(
                click,
                None,
                tensors.get(id(click), empty),
                Strategy.SINGLE_CLICK if id(click) in tensors else Strategy.POPULAR,
            )
            for click in clicks
        ]

    def _apply(self, user: UserKey, click: ClickEvent, loaded: LoadedStates) -> Applied:
        state = loaded.states[user]
        if state is not None and self._is_expired(state, click):
            state = None
        applied = apply_click(
            state, click, session_rule=self._manifest.session_rule, ring_length=self._manifest.ring_length
        )
        loaded.states[user] = applied.state
        if applied.begins_session:
            # What was rebuilt is about to be cleared: no list comes from it.
            loaded.rebuilt.discard(user)
        return applied

    def _step_round(
        self, round_: Sequence[tuple[UserKey, ClickEvent]], applied: Sequence[Applied], loaded: LoadedStates
    ) -> list[SteppedClick]:
        rows = [loaded.row_of_user[user] for user, _ in round_]
        loaded.rows.clear([row for row, one in zip(rows, applied, strict=True) if one.begins_session])
        known = [b for b, (_, click) in enumerate(round_) if click.item_id in self._vocabulary]
        if known:
            known_rows = [rows[b] for b in known]
            state = loaded.rows.gather(known_rows)
            stepped = self._run([round_[b][1] for b in known], [applied[b].gap_ms for b in known], state)
            loaded.rows.scatter(known_rows, stepped)
        snapshot = loaded.rows.gather(rows)
        return [
            SteppedClick(
                click,
                applied[b].state,
                tuple(tensor[b : b + 1] for tensor in snapshot),
                self._strategy(user, rows[b], loaded),
            )
            for b, (user, click) in enumerate(round_)
        ]

    def _run(self, clicks: Sequence[ClickEvent], gaps_ms: Sequence[int], state: State) -> State:
        item_index = np.array([self._vocabulary.index_of(click.item_id) for click in clicks], dtype=np.int64)
        features = encode_features(self._manifest.features, gaps_ms, [click.event_type for click in clicks])
        return self._runtime.step(item_index, features, state) if clicks else state

    def _strategy(self, user: UserKey, row: int, loaded: LoadedStates) -> Strategy:
        was_rebuilt = user in loaded.rebuilt
        # Once: the next click finds a state that this model made, in this batch or in a later one.
        loaded.rebuilt.discard(user)
        if loaded.rows.is_clear(row):
            return Strategy.POPULAR
        return Strategy.REBUILT if was_rebuilt else Strategy.PERSONAL

    def _is_expired(self, state: UserState, click: ClickEvent) -> bool:
        return self._state_ttl_ms is not None and click.timestamp_ms - state.updated_at_ms > self._state_ttl_ms


def _is_applied(state: UserState | None, click: ClickEvent) -> bool:
    record = click.record
    return state is not None and state.source_partition == record.partition and record.offset <= state.last_offset
