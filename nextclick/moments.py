"""Moments as a person types them: a date, or how long ago."""

import re
from datetime import UTC, datetime

from models.errors import DataError

_AGO = re.compile(r"(\d{1,9})([smhd])")
_DURATION = re.compile(r"(\d{1,9})(ms|s|m|h|d)")
_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def parse_moment(text: str, now_ms: int) -> int:
    """Return milliseconds since 1970 of `2h` (two hours ago; s, m, h, d) or of ISO 8601, UTC where it names no zone.

    Raises:
        DataError: If it is neither.
    """
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        return now_ms - int(ago[1]) * _UNIT_MS[ago[2]]
    try:
        moment = datetime.fromisoformat(text.strip())
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{text!r} is no time: write 2024-05-01T12:30 (UTC), or 45m, 2h, 7d for ago.") from error


def parse_duration_ms(text: str) -> int:
    """Return the milliseconds of `60s` (ms, s, m, h, d), or of 0.

    Raises:
        DataError: If it is no such thing.
    """
    duration = _DURATION.fullmatch(text.strip())
    if duration is None and text.strip() != "0":
        raise DataError(f"{text!r} is no duration: write 500ms, 60s, 10m, 2h, 7d, or 0.")
    return 0 if duration is None else int(duration[1]) * _UNIT_MS[duration[2]]


def utc_text(timestamp_ms: int) -> str:
    """Return a moment for a person; a time that no calendar has as its number."""
    try:
        return datetime.fromtimestamp(timestamp_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"{timestamp_ms} ms"
