"""A Faust app whose click topics arrive as whole fetched batches."""

from typing import TYPE_CHECKING, cast

import faust

from workers.settings import Settings

if TYPE_CHECKING:
    from workers.batch_consumer import BatchConsumer


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

    @property
    def batch_consumer(self) -> "BatchConsumer":
        """The app's consumer, by its own type."""
        return cast("BatchConsumer", self.consumer)

    def _create_directories(self) -> None:
        """Make none: Faust would keep its own tables there, ours have a folder of their own."""
