"""How two lists of a click differ, and what that comes to."""

import numpy as np
import pytest

from nextclick.golden.comparison import Comparison, ListChange, Tolerance, compare_lists, is_tolerated, paired
from nextclick.golden.golden_file import KeptList


def kept(
    items: str = "abcd", scores: list[float] | None = None, *, offset: int = 0, user: str = "ann", partition: int = 0
) -> KeptList:
    """Make a list of one-letter items; scores are 4, 3, 2, 1 where none are given."""
    given = list(range(len(items), 0, -1)) if scores is None else scores
    return KeptList(partition, offset, user, "personal", tuple(items), np.array(given, np.float32))


def change_of(before: KeptList, after: KeptList) -> ListChange:
    """Compare two lists that differ."""
    change = compare_lists(before, after)
    assert change is not None
    return change


def test_the_same_bits_are_no_change() -> None:
    assert compare_lists(kept(), kept()) is None


@pytest.mark.parametrize(
    ("after", "first_rank", "overlap", "score_move"),
    [
        (kept("abcd", [4, 3, 2, 0.5]), None, 1.0, 0.5),
        (kept("acbd"), 2, 1.0, 1.0),
        (kept("abcx"), 4, 0.75, 0.0),
        (kept("xyzw"), 1, 0.0, 0.0),
        (kept("abc"), 4, 0.75, 1.0),
        (kept(""), 1, 0.0, 0.0),
        (kept()._replace(strategy="popular"), None, 1.0, 0.0),
    ],
)
def test_how_a_list_differs(after: KeptList, first_rank: int | None, overlap: float, score_move: float) -> None:
    """Against a, b, c, d with 4, 3, 2, 1."""
    change = change_of(kept(), after)
    assert (change.first_rank, change.overlap, change.score_move) == (first_rank, overlap, score_move)


def test_what_a_tolerance_of_scores_lets_through() -> None:
    """Moved scores, and ranks that change places by it; never other items or another strategy."""
    moved, swapped = kept("abcd", [4, 3.25, 2, 1]), kept("bacd", [3.5, 3.5, 2, 1])
    assert is_tolerated(change_of(kept(), moved), 0.25)
    assert not is_tolerated(change_of(kept(), moved), 0.2)
    assert is_tolerated(change_of(kept(), swapped), 0.5)
    assert not is_tolerated(change_of(kept(), swapped), 0.0)
    assert not is_tolerated(change_of(kept(), kept("abcx")), 9.0)
    assert not is_tolerated(change_of(kept(), kept()._replace(strategy="popular")), 9.0)


def test_what_all_lists_come_to() -> None:
    """Ten clicks of two users: six the same, one tolerated, one changed, one without its list, one that had none."""
    comparison = Comparison(Tolerance(score=0.1))
    for offset in range(6):
        comparison.add(kept(offset=offset), kept(offset=offset))
    comparison.add(kept(offset=6), kept("abcd", [4, 3, 2, 1.0625], offset=6))
    comparison.add(kept(offset=7, user="bob"), kept("abxy", [4, 3, 2, 1], offset=7, user="bob"))
    comparison.add(kept(offset=8, user="bob"), None)
    comparison.add(None, kept(offset=9, user="bob"))
    assert (comparison.lists, comparison.equal, comparison.tolerated, comparison.changed) == (10, 6, 1, 3)
    assert (comparison.missing, comparison.added) == (1, 1)
    assert comparison.first_ranks == {3: 1}
    assert comparison.changed_users == {"bob": 3}
    assert comparison.users == {"ann", "bob"}
    assert comparison.overlap == pytest.approx((6 + 1 + 0.5) / 10)
    assert comparison.changed_overlap == pytest.approx(0.5 / 3)
    assert comparison.farthest_score_move == 0.0625
    assert [change.of.offset for change in comparison.worst] == [8, 9, 7] or comparison.worst[-1].of.offset == 7


@pytest.mark.parametrize(
    ("tolerance", "passes"),
    [
        (Tolerance(), False),
        (Tolerance(changed_share=0.2), False),
        (Tolerance(changed_share=0.25), True),
        (Tolerance(changed_share=1.0, overlap=0.875), True),
        (Tolerance(changed_share=1.0, overlap=0.88), False),
    ],
)
def test_the_verdict(tolerance: Tolerance, passes: bool) -> None:
    """One of four lists keeps half of its items: .875 on average."""
    comparison = Comparison(tolerance)
    for offset in range(3):
        comparison.add(kept(offset=offset), kept(offset=offset))
    comparison.add(kept(offset=3), kept("abxy", offset=3))
    assert comparison.is_passed is passes


def test_the_worst_are_shown_first_and_are_few() -> None:
    """Of forty changed lists, the ten that keep the least; then those whose scores moved farthest."""
    comparison = Comparison(Tolerance())
    for offset in range(40):
        items = "abcx" if offset < 30 else "axyz"
        comparison.add(kept(offset=offset), kept(items, [4 + offset, 3, 2, 1], offset=offset))
    assert [change.of.offset for change in comparison.worst] == list(range(39, 29, -1))


def test_lists_of_nothing_pass() -> None:
    comparison = Comparison(Tolerance())
    assert comparison.is_passed
    assert comparison.overlap == 1.0


def test_lists_find_each_other_by_their_click() -> None:
    """Two partitions that take turns; some clicks have a list on one side only."""
    before = [kept(partition=p, offset=o) for p, o in [(0, 0), (1, 5), (0, 1), (0, 3), (1, 6), (1, 7)]]
    after = [kept(partition=p, offset=o) for p, o in [(1, 5), (0, 1), (0, 2), (0, 3), (1, 7), (1, 9)]]
    pairs = [
        (one.partition if one else other.partition, one and one.offset, other and other.offset)  # type: ignore[union-attr]
        for one, other in paired(before, after)
    ]
    assert sorted(pairs, key=lambda pair: (pair[0], pair[1] if pair[1] is not None else pair[2])) == [
        (0, 0, None),
        (0, 1, 1),
        (0, None, 2),
        (0, 3, 3),
        (1, 5, 5),
        (1, 6, None),
        (1, 7, 7),
        (1, None, 9),
    ]
