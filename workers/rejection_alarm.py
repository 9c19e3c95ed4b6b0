"""Says once, loudly, that most of a stream cannot be used, and what the likely cause is."""

from collections import Counter
from collections.abc import Mapping

import structlog

from workers.events import LIKELY_CAUSE, RejectionReason

log = structlog.get_logger("nextclick")

# Below this many records a share says little: a test message or two should not ring the bell.
WINDOW_RECORDS = 100


class RejectionAlarm:
    """Watches the share of dead letters over windows of at least `WINDOW_RECORDS` records."""

    def __init__(self) -> None:
        self._records = 0
        self._rejected: Counter[RejectionReason] = Counter()
        self._ringing: RejectionReason | None = None

    def observe(self, records: int, dead_letters: Mapping[RejectionReason, int]) -> RejectionReason | None:
        """Count a micro-batch; ring where most of the window was rejected for one reason, once until that ends.

        Args:
            records: How many it had.
            dead_letters: How many of them were rejected, by reason.

        Returns:
            The reason for which the alarm rang just now.
        """
        self._records += records
        self._rejected.update(dead_letters)
        if self._records < WINDOW_RECORDS:
            return None
        reason, rejected = next(iter(self._rejected.most_common(1)), (None, 0))
        mostly = reason if 2 * rejected > self._records else None
        rang = mostly if mostly != self._ringing else None
        if rang is not None:
            log.error(
                "Most clicks are rejected",
                reason=rang,
                rejected=rejected,
                of=self._records,
                likely_cause=LIKELY_CAUSE[rang],
            )
        self._ringing = mostly
        self._records = 0
        self._rejected.clear()
        return rang
