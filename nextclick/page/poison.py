"""Records that are no clicks, each for another reason: what a worker has to set aside without stopping."""

import json
import time
from collections.abc import Callable, Mapping

from workers.events import RejectionReason

CENTURY_MS = 100 * 365 * 86_400_000


def _click(user_id: str, **fields: object) -> bytes:
    return json.dumps(
        {"user_id": user_id, "item_id": "1", "timestamp_ms": time.time_ns() // 1_000_000} | fields
    ).encode()


def _without_item(user_id: str) -> bytes:
    return json.dumps({"user_id": user_id, "timestamp_ms": time.time_ns() // 1_000_000}).encode()


# By the reason that the dead letter is to name; made from the user whose key the record carries.
POISONS: Mapping[RejectionReason, Callable[[str], bytes]] = {
    RejectionReason.NOT_JSON: lambda _user_id: b"<click>this is no JSON</click>",
    RejectionReason.MISSING_FIELD: _without_item,
    RejectionReason.WRONG_TYPE: lambda user_id: _click(user_id, item_id=["a", "list"]),
    RejectionReason.TIMESTAMP_IN_FUTURE: lambda user_id: _click(
        user_id, timestamp_ms=time.time_ns() // 1_000_000 + CENTURY_MS
    ),
    RejectionReason.KEY_MISMATCH: lambda _user_id: _click("somebody-else"),
}
