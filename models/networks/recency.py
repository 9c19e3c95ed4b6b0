"""`recency`: the same list for everybody, the items most clicked lately. Legend in the package."""

import msgspec

from models.bounds import Positive
from models.networks.popularity import PopularityNetwork
from models.networks.sequence_network import NetworkInputs
from models.preparation.timestamps import MS_PER_HOUR


class RecencyConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="recency"):
    """`[network]` with `kind = "recency"`.

    Attributes:
        half_life_hours: After which time a training click counts half, as seen from the last clicks.
    """

    half_life_hours: Positive = 24.0

    def build(self, inputs: NetworkInputs) -> PopularityNetwork:
        """Return a network that has counted nothing yet."""
        return PopularityNetwork(inputs, half_life_ms=self.half_life_hours * MS_PER_HOUR)
