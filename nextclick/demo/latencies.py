"""How long lists took, as percentiles."""

from collections.abc import Sequence

import msgspec
import numpy as np


class LatencyReport(msgspec.Struct, frozen=True):
    """Milliseconds from sending a click to having read its list: what a consumer of the lists sees."""

    p50_ms: float
    p90_ms: float
    p99_ms: float


def latency_report(latencies_s: Sequence[float]) -> LatencyReport | None:
    """Return the percentiles of latencies in seconds; None where there are none."""
    if not latencies_s:
        return None
    p50, p90, p99 = (np.percentile(latencies_s, (50, 90, 99)) * 1000).round(2).tolist()
    return LatencyReport(p50, p90, p99)
