"""What a model was trained on: part of every checkpoint and every artifact."""

import msgspec


class TrainingData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the model was trained on."""

    dataset: str
    clicks: int
    sessions: int
    first_timestamp_ms: int
    last_timestamp_ms: int
