"""Time travel: each click is decoded by the clock of the moment at which it was recorded.

The clock decides one thing alone, whether a click's time is too far in the future; everything else in the pipeline goes
by event time anyway. By the wall clock a recording would give other lists the longer it lies.
"""

from workers.decoding import ClickDecoder
from workers.events import ClickEvent, ClickRecord, Rejection
from workers.settings import Settings


class RecordedTimeDecoder(ClickDecoder):
    """Decodes each record as if it were read when it was written.

    Args:
        settings: The worker's.
        recorded_at_ms: When the topic was recorded. No record was written later, whatever its timestamp says: that of a
            producer whose clock runs ahead would else vouch for the click's own.
    """

    def __init__(self, settings: Settings, recorded_at_ms: int) -> None:
        self._clock_ms = 0
        self._recorded_at_ms = recorded_at_ms
        super().__init__(
            field_map=settings.field_map,
            max_id_bytes=settings.max_id_bytes,
            max_future_ms=settings.max_future_s * 1000,
            check_key=True,
            now_ms=lambda: self._clock_ms,
        )

    def decode(self, record: ClickRecord) -> ClickEvent | Rejection:
        """Return the record's click, or why it is none."""
        self._clock_ms = min(record.timestamp_ms, self._recorded_at_ms)
        return super().decode(record)
