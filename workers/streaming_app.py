"""A Faust app whose click topics arrive as whole fetched batches."""

import faust

from workers.settings import Settings


class StreamingApp(faust.App):
    """A Faust app over `workers.transport`.

    Attributes:
        settings: What the worker was told.
    """

    settings: Settings

    @property
    def batch_topics(self) -> frozenset[str]:
        """The topics whose agents get one event a fetched batch; every other topic arrives as in stock Faust."""
        return frozenset({self.settings.clicks_topic, self.settings.source_topic})

    def _create_directories(self) -> None:
        """Make none: Faust would keep its own tables there, ours have a folder of their own."""
