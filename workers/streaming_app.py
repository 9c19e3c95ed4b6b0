"""A Faust app whose click topics arrive as whole fetched batches."""

from typing import Any

import faust
from faust.types.tables import TableT

from workers.settings import Settings
from workers.state_restorer import StateRestorer


class StreamingApp(faust.App):
    """A Faust app over `workers.transport`.

    Attributes:
        settings: What the worker was told.
        user_states: The table whose changelog is restored in bulk.
        restorer: What restores it.
        counts_clicks: Whether it counts everyone's clicks, and ranks with them.
    """

    settings: Settings
    user_states: TableT[Any, Any]
    restorer: StateRestorer
    counts_clicks: bool

    @property
    def batch_topics(self) -> frozenset[str]:
        """The topics whose agents get one event a fetched batch; every other topic arrives as in stock Faust."""
        return frozenset({self.settings.clicks_topic, self.settings.source_topic})

    def _create_directories(self) -> None:
        """Make none: Faust would keep its own tables there, ours have a folder of their own."""
