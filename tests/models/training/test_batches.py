import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.sequences.encoded_sessions import EncodedSessions
from models.training.batches import LaneBatch, iterate_lane_batches


def make_sessions(lengths: list[int]) -> EncodedSessions:
    """Sessions of these lengths whose clicks are numbered through: click n is on item n."""
    count = sum(lengths)
    return EncodedSessions(
        session_ids=tuple(f"session-{number}" for number in range(len(lengths))),
        first_click=np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
        item_index=np.arange(count),
        timestamp_ms=np.arange(count) * 1_000,
        features=np.arange(count, dtype=np.float32)[:, None],
    )


def pieces(batch: LaneBatch) -> list[tuple[int, bool, list[int]]]:
    """The rows of a batch as (lane, begins a session, clicks)."""
    return [
        (int(lane), bool(begins), row[is_click].tolist())
        for lane, begins, row, is_click in zip(
            batch.lane, batch.begins_session, batch.item_index, batch.is_click, strict=True
        )
    ]


def test_lanes_go_on_with_a_session_and_take_the_next_where_it_ends() -> None:
    """Sessions 0-4 and 5-6 run in parallel; lane 1 is free first and takes 7-9, then lane 0 takes 10-11."""
    batches = list(iterate_lane_batches(make_sessions([5, 2, 3, 2]), np.arange(4), lanes=2, window=3))
    assert [pieces(batch) for batch in batches] == [
        [(0, True, [0, 1, 2]), (1, True, [5])],
        [(0, False, [3]), (1, True, [7, 8])],
        [(0, True, [10])],
    ]


def test_the_target_is_the_next_click_of_the_same_session() -> None:
    """Also where the piece ends before the session does; features go with the input."""
    first, second = iterate_lane_batches(make_sessions([4, 2]), np.arange(2), lanes=2, window=2)
    assert first.target_index[first.is_click].tolist() == [1, 2, 5]
    assert second.target_index[second.is_click].tolist() == [3]
    assert first.features[first.is_click, 0].tolist() == [0.0, 1.0, 4.0]


def test_a_session_of_one_click_is_skipped() -> None:
    """It has an input but no target."""
    (batch,) = iterate_lane_batches(make_sessions([1, 2, 1]), np.arange(3), lanes=3, window=9)
    assert pieces(batch) == [(0, True, [1])]


def test_a_batch_is_no_wider_than_its_longest_piece() -> None:
    """Padding costs time: short sessions do not pay for a long window."""
    (batch,) = iterate_lane_batches(make_sessions([3, 2]), np.arange(2), lanes=2, window=100)
    assert batch.item_index.shape == (2, 2)


@given(
    lengths=st.lists(st.integers(1, 12), max_size=20), lanes=st.integers(1, 5), window=st.integers(1, 6), data=st.data()
)
def test_every_click_is_an_input_once_and_states_are_carried_in_order(
    lengths: list[int], lanes: int, window: int, data: st.DataObject
) -> None:
    """Read lane by lane, the pieces are whole sessions, each in one lane, begun where and only where one begins."""
    sessions = make_sessions(lengths)
    order = np.array(data.draw(st.permutations(range(len(lengths)))), dtype=np.int64)
    read: list[list[int]] = [[] for _ in range(lanes)]
    expected = {
        tuple(range(start, end - 1))
        for start, end in zip(sessions.first_click[:-1], sessions.first_click[1:], strict=True)
        if end - start > 1
    }
    found = set()
    for batch in iterate_lane_batches(sessions, order, lanes=lanes, window=window):
        for row, (lane, begins, clicks) in enumerate(pieces(batch)):
            assert begins == (clicks[0] in sessions.first_click[:-1])
            read[lane] = clicks if begins else read[lane] + clicks
            if tuple(read[lane]) in expected:
                found.add(tuple(read[lane]))
            else:
                # A session that goes on fills its row, so that the state after the last column is its own.
                assert batch.is_click[row].all()
    assert found == expected
