"""Finds states that are ahead of their click log: the topic was deleted and made again, or has lost its newest clicks.

Offsets begin again then, and a click at or below its user's `last_offset` counts as redelivered: no list, no step,
until the new offsets have passed the old ones. Nothing else in the stream looks wrong.
"""

from collections.abc import Mapping

import structlog

log = structlog.get_logger("nextclick")


class ClickLogCheck:
    """Compares what is in the states with what is in the click log.

    Args:
        topic: The topic that advances states.
    """

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._reported: set[int] = set()

    def offsets_ahead(self, newest_clicks: Mapping[int, int], ends: Mapping[int, int | None]) -> dict[int, int]:
        """Return by how many offsets each partition's states are ahead; each partition is reported once.

        Args:
            newest_clicks: Offset of a click that restored states have applied, by partition, the newest that is known.
            ends: Offset behind the newest click, by owned partition; None where no fetch has told it yet.
        """
        ahead = {
            partition: newest_clicks[partition] + 1 - end
            for partition, end in ends.items()
            if end is not None and newest_clicks.get(partition, -1) >= end
        }
        for partition in ahead.keys() - self._reported:
            self._reported.add(partition)
            log.error(
                "User states are ahead of their clicks: the click topic was made again or has lost clicks. Until its "
                "offsets have passed the states', clicks are taken for redelivered and get no lists. Stop the workers "
                "and start them under another app_id, whose states begin anew, or restore the topic",
                topic=self._topic,
                partition=partition,
                newest_applied=newest_clicks[partition],
                end=ends[partition],
            )
        return ahead
