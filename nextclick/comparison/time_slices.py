"""Slices by event time: the hour of the day, and the time line.

Legend: N clicks.
"""

from datetime import UTC, datetime

import numpy as np

from nextclick.comparison.pairing import PairedClicks
from nextclick.comparison.slicing import SliceFamily

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS
# Widths of a slice of the time line that a person reads easily, and how many slices are still a line and no noise.
_WIDTHS_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440, 10_080, 40_320)
_WIDTHS_MS = tuple(_MINUTE_MS * minutes for minutes in _WIDTHS_MINUTES)
MOST_TIME_SLICES = 48
_FIRST_AND_LAST = (0.01, 0.99)


def by_hour(paired: PairedClicks) -> SliceFamily:
    """Cut by the hour of the day, UTC."""
    hour = (paired.clicks["timestamp_ms"].to_numpy() % _DAY_MS) // _HOUR_MS
    present, index = np.unique(hour, return_inverse=True)
    return SliceFamily(
        "hour",
        "Hour of the day",
        "The hour of the click, in UTC.",
        tuple(f"{number:02}:00" for number in present),
        index.astype(np.int64),
        tuple(int(number) for number in present),
    )


def by_time(paired: PairedClicks) -> SliceFamily:
    """Cut the time line into slices of one width, as narrow as leaves some dozens.

    Few clicks far from all others (a day later, or a clock that runs wrong) would leave one slice for the rest: the
    first and the last hundredth have no say in the width, and what lies outside is a slice before or behind the line.
    """
    at_ms = paired.clicks["timestamp_ms"].to_numpy()
    start_ms, end_ms = (int(moment) for moment in np.quantile(at_ms, _FIRST_AND_LAST, method="nearest"))
    width_ms = next(
        (width for width in _WIDTHS_MS if end_ms // width - start_ms // width < MOST_TIME_SLICES), _WIDTHS_MS[-1]
    )
    first, last = start_ms // width_ms, end_ms // width_ms
    present, index = np.unique(np.clip(at_ms // width_ms, first - 1, last + 1), return_inverse=True)
    labels, positions = [], []
    for number in present.tolist():
        is_before, is_behind = number < first, number > last
        labels.append("earlier" if is_before else "later" if is_behind else _moment_text(number * width_ms))
        positions.append(None if is_before or is_behind else number * width_ms)
    return SliceFamily(
        "time",
        "Over time",
        f"Slices of {_width_text(width_ms)} of event time, UTC, by the time of the click.",
        tuple(labels),
        index.astype(np.int64),
        tuple(positions),
    )


def _width_text(width_ms: int) -> str:
    for unit_ms, unit in ((_DAY_MS, "day"), (_HOUR_MS, "hour"), (_MINUTE_MS, "minute")):
        if width_ms % unit_ms == 0:
            count = width_ms // unit_ms
            return f"{count} {unit}{'s' * (count != 1)}"
    raise AssertionError(width_ms)


def _moment_text(timestamp_ms: int) -> str:
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
