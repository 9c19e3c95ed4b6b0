import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.sequences.encoded_sessions import EncodedSessions
from models.training.augmentation import Augmentation, AugmentationReport, Crop, Mask, Reorder, augment

EVERYTHING = Augmentation(
    crop=Crop(probability=0.7, share=0.6), mask=Mask(probability=0.7, share=0.3), reorder=Reorder(probability=0.7)
)


def make_sessions(*lengths: int) -> EncodedSessions:
    """Sessions whose clicks are numbered through: click n is on item n, its feature and value are n too."""
    count = sum(lengths)
    return EncodedSessions(
        session_ids=tuple(f"session-{number}" for number in range(len(lengths))),
        first_click=np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))),
        item_index=np.arange(count),
        timestamp_ms=np.arange(count),
        features=np.arange(count, dtype=np.float32)[:, None],
        value=np.arange(count, dtype=np.float32),
    )


def items(sessions: EncodedSessions) -> list[list[int]]:
    """The items of each session."""
    return [part.tolist() for part in np.split(sessions.item_index, sessions.first_click[1:-1])]


def view(
    sessions: EncodedSessions, augmentation: Augmentation, seed: int = 0
) -> tuple[list[list[int]], AugmentationReport]:
    augmented, report = augment(sessions, augmentation, np.random.default_rng(seed))
    return items(augmented), report


def test_nothing_is_done_by_default() -> None:
    """The very sessions come back and no chance is drawn: what follows does not depend on the section being there."""
    sessions, generator = make_sessions(3, 2), np.random.default_rng(0)
    augmented, report = augment(sessions, Augmentation(), generator)
    assert augmented is sessions
    assert report == AugmentationReport(2, 0, 0, 0, 5, 0, 0, 0)
    assert generator.random() == np.random.default_rng(0).random()


def test_crop_keeps_a_run_that_begins_anywhere() -> None:
    """Six of ten clicks, in their order, and over many seeds every beginning occurs."""
    starts = set()
    for seed in range(50):
        (kept,), report = view(make_sessions(10), Augmentation(crop=Crop(probability=1, share=0.6)), seed)
        assert kept == list(range(kept[0], kept[0] + 6))
        assert (report.cropped, report.clicks_cropped) == (1, 4)
        starts.add(kept[0])
    assert starts == {0, 1, 2, 3, 4}


def test_mask_takes_clicks_from_anywhere() -> None:
    """Three of ten; what is left keeps its order, and over many seeds every click is masked once."""
    masked = set()
    for seed in range(50):
        (kept,), report = view(make_sessions(10), Augmentation(mask=Mask(probability=1, share=0.3)), seed)
        assert kept == sorted(kept)
        assert len(kept) == 7
        assert (report.masked, report.clicks_masked) == (1, 3)
        masked |= set(range(10)) - set(kept)
    assert masked == set(range(10))


def test_reorder_shuffles_a_run() -> None:
    """Five of ten in a row change places at most; all clicks are still there."""
    for seed in range(50):
        (order,), report = view(make_sessions(10), Augmentation(reorder=Reorder(probability=1, share=0.5)), seed)
        assert sorted(order) == list(range(10))
        moved = [place for place, item in enumerate(order) if item != place]
        assert report.clicks_moved == len(moved)
        assert not moved or moved[-1] - moved[0] < 5


def test_a_session_keeps_two_clicks() -> None:
    """Else nothing could be predicted in it; one of a single click is left alone."""
    kept, report = view(
        make_sessions(3, 2, 1), Augmentation(crop=Crop(probability=1, share=0.1), mask=Mask(probability=1, share=0.9))
    )
    assert [len(session) for session in kept] == [2, 2, 1]
    assert (report.clicks_cropped, report.clicks_masked) == (1, 0)


def test_each_session_is_chosen_by_itself() -> None:
    """With a probability of one half about half of the sessions change; the others stay as they are."""
    kept, report = view(make_sessions(*[4] * 1000), Augmentation(mask=Mask(probability=0.5, share=0.25)))
    assert report.masked == sum(len(session) == 3 for session in kept) == pytest.approx(500, abs=60)


@given(lengths=st.lists(st.integers(1, 12), max_size=12), seed=st.integers(0, 2**32))
def test_clicks_stay_whole_and_in_their_sessions(lengths: list[int], seed: int) -> None:
    """A click keeps its feature and its value; no session gets another's; the report adds up; a seed is a view."""
    sessions = make_sessions(*lengths)
    augmented, report = augment(sessions, EVERYTHING, np.random.default_rng(seed))
    assert np.array_equal(augmented.features[:, 0], augmented.item_index)
    assert augmented.value is not None
    assert np.array_equal(augmented.value, augmented.item_index)
    assert augmented.session_ids == sessions.session_ids
    assert augmented.timestamp_ms.tolist() == sorted(augmented.timestamp_ms)
    for before, after in zip(items(sessions), items(augmented), strict=True):
        assert set(after) <= set(before)
        assert len(set(after)) == len(after) >= min(2, len(before))
    assert report.clicks - report.clicks_cropped - report.clicks_masked == len(augmented.item_index)
    again, _ = augment(sessions, EVERYTHING, np.random.default_rng(seed))
    assert np.array_equal(again.item_index, augmented.item_index)


def test_it_is_a_section_of_a_configuration() -> None:
    """An operator that is not there is off; unknown keys and shares of nothing are refused."""
    read = msgspec.toml.decode("[crop]\nprobability = 0.2\nshare = 0.8\n", type=Augmentation)
    assert read == Augmentation(crop=Crop(0.2, 0.8))
    for bad in ("[crop]\nshare = 0.0", "[mask]\nprobability = 1.5", "[swap]\nshare = 0.5"):
        with pytest.raises(msgspec.ValidationError):
            msgspec.toml.decode(bad, type=Augmentation)


def test_a_view_is_the_same_in_whatever_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the same draws: sessions, times, features, values, and the report."""
    sessions = make_sessions(*np.random.default_rng(1).integers(1, 20, size=60).tolist())
    whole, report = augment(sessions, EVERYTHING, np.random.default_rng(2))
    monkeypatch.setattr(EncodedSessions.pieces, "__defaults__", (50,))
    view, of_pieces = augment(sessions, EVERYTHING, np.random.default_rng(2))
    assert of_pieces == report
    assert items(view) == items(whole)
    for name in ("first_click", "timestamp_ms", "features", "value"):
        assert np.array_equal(getattr(view, name), getattr(whole, name)), name
