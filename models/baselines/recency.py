"""`recency`: the items most clicked lately, each training click worth half after every half life."""

import msgspec

from models.baselines.constant_scores import ConstantScorer
from models.bounds import Positive
from models.items.item_counts import item_popularity
from models.preparation.timestamps import MS_PER_HOUR
from models.sequences.encoded_sessions import EncodedSessions


class Recency(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="recency"):
    """Time-decayed training clicks of each item, as they stand at the last training click.

    Attributes:
        half_life_hours: After which time a click counts half.
    """

    half_life_hours: Positive = 24.0

    def fit(self, sessions: EncodedSessions, item_count: int) -> ConstantScorer:
        """Count the clicks of training sessions on V items."""
        half_life_ms = self.half_life_hours * MS_PER_HOUR
        return ConstantScorer(item_popularity(sessions, item_count, half_life_ms=half_life_ms))
