"""A user's newest state record in the changelog, opened up for a person."""

from dataclasses import dataclass

import numpy as np

from export.artifact import Artifact
from models.errors import StateRecordError
from nextclick.topic_reading import ConsumerRecord, TopicReader
from workers.settings import Settings
from workers.state_arena import StateArena
from workers.user_state import UserState, decode_state, ring_entries


@dataclass(frozen=True)
class RingItem:
    """An item of the ring; `item_id` is None where the artifact does not know its hash."""

    item_id: str | None
    item_hash: str
    timestamp_ms: int


@dataclass(frozen=True)
class ModelTensors:
    """A model's slot; the norms are None where it belongs to another model than the artifact's."""

    model_id: str
    bytes: int
    norms: dict[str, float] | None


@dataclass(frozen=True)
class StoredState:
    """A user's state as the changelog has it; see `workers.user_state.UserState`.

    Attributes:
        partition: The changelog's partition, the same number as the clicks'.
        offset: The record's offset there.
        record_bytes: Its size.
        ring: The user's last items, oldest first.
        models: Each model's tensors, as Euclidean norms.
    """

    user_id: str
    partition: int
    offset: int
    record_bytes: int
    source_partition: int
    last_offset: int
    updated_at_ms: int
    clicks: int
    session_clicks: int
    ring: tuple[RingItem, ...]
    models: tuple[ModelTensors, ...]


def read_stored_state(settings: Settings, user_id: str, artifact: Artifact) -> StoredState:
    """Read the whole changelog up to its present end and return the user's newest state.

    Raises:
        BrokerError: If no broker answers.
        TopicError: If the changelog is not there.
        StateRecordError: If the user has no state, or a record that does not decode.
    """
    key = user_id.encode()
    newest: ConsumerRecord | None = None
    with TopicReader(settings.bootstrap_servers, settings.changelog_topic, settings.kafka_security) as reader:
        for record in reader.read_to_end():
            # One partition holds a user's records, in order; another can have older ones, from before a re-keying.
            if record.key == key and (newest is None or record.timestamp >= newest.timestamp):
                newest = record
    if newest is None or newest.value is None:
        raise StateRecordError(
            f"There is no state of user {user_id!r} in {settings.changelog_topic}: "
            "no click of theirs has been applied, or they were forgotten."
        )
    return _open(user_id, newest, decode_state(newest.value), artifact)


def _open(user_id: str, record: ConsumerRecord, state: UserState, artifact: Artifact) -> StoredState:
    return StoredState(
        user_id=user_id,
        partition=record.partition,
        offset=record.offset,
        record_bytes=len(record.value),
        source_partition=state.source_partition,
        last_offset=state.last_offset,
        updated_at_ms=state.updated_at_ms,
        clicks=state.clicks,
        session_clicks=state.session_clicks,
        ring=tuple(_ring_item(item_hash, time_ms, artifact) for item_hash, time_ms in ring_entries(state.ring)),
        models=tuple(_model_tensors(model_id, encoded, artifact) for model_id, encoded in state.slots),
    )


def _ring_item(item_hash: int, timestamp_ms: int, artifact: Artifact) -> RingItem:
    item_index = artifact.vocabulary.index_of_hash(item_hash)
    item_id = None if item_index is None else artifact.vocabulary.item_id_of(item_index)
    return RingItem(item_id, f"{item_hash:016x}", timestamp_ms)


def _model_tensors(model_id: str, encoded: bytes, artifact: Artifact) -> ModelTensors:
    if model_id != artifact.manifest.model_id:
        return ModelTensors(model_id, len(encoded), None)
    arena = StateArena(artifact.manifest, 1)
    arena.fill_tensors(0, encoded)
    norms = {
        declared.name: float(np.linalg.norm(tensor.astype(np.float64)))
        for declared, tensor in zip(artifact.manifest.state, arena.gather(np.array([0])), strict=True)
    }
    return ModelTensors(model_id, len(encoded), norms)
