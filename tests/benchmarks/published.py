"""Lists as a worker that does everything right would publish them."""

import json
from collections.abc import Iterable

from benchmarks.reference import Reference


def published_list(reference: Reference, number: int, **changes: object) -> bytes:
    """Return the list of click `number` as the reference has it, fields changed at will."""
    body: dict[str, object] = {
        "event_id": f"click-{number}",
        "items": [reference.artifact.vocabulary.item_id_of(index) for index in reference.top_item[number].tolist()],
        "scores": reference.top_score[number].tolist(),
        "model_id": reference.artifact.manifest.model_id,
    }
    return json.dumps(body | changes).encode()


def published_lists(reference: Reference, numbers: Iterable[int]) -> list[bytes]:
    return [published_list(reference, number) for number in numbers]
