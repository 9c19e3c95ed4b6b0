from dataclasses import replace
from pathlib import Path

import numpy as np

from models.sequences.changed_sessions import put_together
from models.sequences.encoded_sessions import EncodedSessions
from tests.encoded import make_sessions

FIRST, SECOND = make_sessions([3, 4], [5]), make_sessions([6, 7, 8])
WHOLE = make_sessions([3, 4], [5], [6, 7, 8])


def test_pieces_become_one_in_memory() -> None:
    """One behind the other."""
    together = put_together([FIRST, SECOND], WHOLE)
    assert together.item_index.tolist() == [3, 4, 5, 6, 7, 8]
    assert together.first_click.tolist() == [0, 2, 3, 6]
    assert together.session_ids is WHOLE.session_ids
    assert together.value is None


def test_pieces_become_files_that_need_no_tidying_up(tmp_path: Path) -> None:
    """Mapped, and gone from the folder already; without columns of features there is nothing to map."""
    together = put_together([FIRST, SECOND], replace(WHOLE, folder=tmp_path))
    assert together.item_index.tolist() == [3, 4, 5, 6, 7, 8]
    assert isinstance(together.item_index, np.memmap)
    assert together.timestamp_ms.tolist() == [0, 1_000, 2_000, 0, 1_000, 2_000]
    assert together.features.shape == (6, 0)
    assert together.value is None
    assert not list(tmp_path.iterdir())


def test_values_and_features_of_pieces_are_kept(tmp_path: Path) -> None:
    """A click keeps its own, on disk as in memory."""
    pieces = [with_values(FIRST, [0.5, 1.5, np.nan]), with_values(SECOND, [2.5, 3.5, 4.5])]
    whole = with_values(WHOLE, [0.0] * 6)
    for folder in (None, tmp_path):
        together = put_together(pieces, replace(whole, folder=folder))
        assert together.value is not None
        assert together.value.tolist()[3:] == [2.5, 3.5, 4.5]
        assert np.isnan(together.value[2])
        assert together.features.tolist() == [[3.0], [4.0], [5.0], [6.0], [7.0], [8.0]]


def with_values(sessions: EncodedSessions, values: list[float]) -> EncodedSessions:
    """The same with values, and one feature: the item's number."""
    features = sessions.item_index.astype(np.float32)[:, None]
    return replace(sessions, value=np.array(values, dtype=np.float32), features=features)
