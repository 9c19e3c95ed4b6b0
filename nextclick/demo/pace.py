"""When each click of the demo is due: slowly enough to read at first, then faster and faster up to a constant rate."""

# Two clicks a second for eight seconds can be read; a third more each second then takes quarter of a minute to 300.
FIRST_RATE = 2.0
SLOW_S = 8.0
GROWTH_PER_S = 1.35


def due_times(count: int, rate: float, *, slow_start: bool) -> list[float]:
    """Return when each click is due, in seconds after the first one.

    An open loop: the times do not depend on how fast the worker is, so a worker that lags shows it in its latency.

    Args:
        count: How many clicks.
        rate: Clicks a second in the end.
        slow_start: Whether a person is to follow the first ones.
    """
    due_s, now_s = [], 0.0
    for _ in range(count):
        due_s.append(now_s)
        now_s += 1 / (_rate_at(now_s, rate) if slow_start else rate)
    return due_s


def _rate_at(seconds: float, rate: float) -> float:
    # The exponent is bounded: after some minutes the power would be no float any more.
    grown: float = FIRST_RATE * GROWTH_PER_S ** min(max(0.0, seconds - SLOW_S), 60.0)
    return min(rate, grown)
