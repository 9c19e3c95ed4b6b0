"""Decoders whose clock stands still, and clicks that are written by hand."""

from tests.click_tables import MAY_2024_MS
from workers.decoding import ClickDecoder

DAY_MS = 86_400_000


def make_decoder(
    *, field_map: dict[str, str] | None = None, max_id_bytes: int = 512, check_key: bool = True
) -> ClickDecoder:
    """A decoder whose clock stands still on the first of May 2024."""
    return ClickDecoder(
        field_map=field_map or {},
        max_id_bytes=max_id_bytes,
        max_future_ms=DAY_MS,
        check_key=check_key,
        now_ms=lambda: MAY_2024_MS,
    )


def with_timestamp(number: str) -> bytes:
    """A click whose timestamp is written like this, be it JSON or not."""
    return b'{"user_id":"ann","item_id":"x","timestamp_ms":%s}' % number.encode()


def with_field(field: str) -> bytes:
    """A good click with one more field, written like this."""
    return b'{"user_id":"ann","item_id":"x","timestamp_ms":1714521600000,%s}' % field.encode()
