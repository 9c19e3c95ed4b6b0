import numpy as np

from benchmarks.click_sets import user_id
from benchmarks.made_states import MadeStates
from export.artifact import Artifact
from workers.user_state import decode_state


def test_records_are_real_states_of_different_users(small_artifact: Artifact) -> None:
    records = MadeStates(small_artifact, 100).records(range(100))
    assert len({record.value for record in records}) == 100
    for user, record in enumerate(records):
        state = decode_state(record.value)
        assert (record.partition, record.key) == (user % 4, user_id(user).encode())
        assert state.source_partition == user % 4
        assert state.last_offset < 0
        assert state.clicks == len(state.ring) // 16


def test_a_users_record_does_not_depend_on_whom_else_is_asked_for(small_artifact: Artifact) -> None:
    states = MadeStates(small_artifact, 100)
    assert states.records([42]) == states.records(range(100))[42:43]


def test_expected_lists_follow_from_the_states(small_artifact: Artifact) -> None:
    """Other states give other lists, so that a worker without them is found out."""
    reference = MadeStates(small_artifact, 100).reference(20)
    assert len(set(reference.clicks.user.tolist())) == 20
    assert reference.top_item.shape == (20, small_artifact.manifest.list_length)
    assert len(np.unique(reference.top_score, axis=0)) == 20
