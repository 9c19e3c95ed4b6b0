"""`popularity`: the items most clicked in training, the floor that everything must beat."""

import msgspec

from models.baselines.constant_scores import ConstantScorer
from models.items.item_counts import item_popularity
from models.sequences.encoded_sessions import EncodedSessions


class Popularity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="popularity"):
    """Training clicks of each item; nothing to set."""

    def fit(self, sessions: EncodedSessions, item_count: int) -> ConstantScorer:
        """Count the clicks of training sessions on V items."""
        return ConstantScorer(item_popularity(sessions, item_count))
