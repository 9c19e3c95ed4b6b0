"""What a network must offer to be counted from the training sessions, before its weights are trained or instead."""

from typing import Protocol, runtime_checkable

from models.sequences.encoded_sessions import EncodedSessions


@runtime_checkable
class FittedNetwork(Protocol):
    """A network with buffers that are counted and not trained."""

    def fit(self, sessions: EncodedSessions) -> None:
        """Fill the buffers from training sessions; what was counted before is forgotten."""
