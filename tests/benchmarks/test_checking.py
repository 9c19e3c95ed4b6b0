import numpy as np
import pytest

from benchmarks.checking import (
    WrongListsError,
    click_number,
    require_each_echo,
    require_each_list,
    require_newest_lists,
)
from benchmarks.click_sets import ClickSet, make_clicks
from benchmarks.reference import Reference
from tests.benchmarks.published import published_list, published_lists


def test_every_list_once_and_right_passes_in_any_order(reference: Reference) -> None:
    require_each_list(published_lists(reference, reversed(range(len(reference.clicks)))), reference)


def test_a_missing_list_is_found(reference: Reference) -> None:
    without_7 = [number for number in range(len(reference.clicks)) if number != 7]
    with pytest.raises(WrongListsError, match=r"120 lists that are owed 1 are missing, 0 came.*0 are wrong.*click 7"):
        require_each_list(published_lists(reference, without_7), reference)


def test_a_list_that_came_twice_is_found(reference: Reference) -> None:
    twice = [*range(len(reference.clicks)), 9]
    with pytest.raises(WrongListsError, match=r"0 are missing, 1 came more than once and 0 are wrong.*click 9"):
        require_each_list(published_lists(reference, twice), reference)


def test_a_duplicate_does_not_stand_in_for_a_missing_list(reference: Reference) -> None:
    numbers = [5 if number == 6 else number for number in range(len(reference.clicks))]
    with pytest.raises(WrongListsError, match="1 are missing, 1 came more than once"):
        require_each_list(published_lists(reference, numbers), reference)


def test_two_items_in_the_wrong_order_are_found(reference: Reference) -> None:
    lists = published_lists(reference, range(len(reference.clicks)))
    first, second, *others = [reference.artifact.vocabulary.item_id_of(index) for index in reference.top_item[3]]
    lists[3] = published_list(reference, 3, items=[second, first, *others])
    with pytest.raises(WrongListsError, match=r"0 came more than once and 1 are wrong.*click 3"):
        require_each_list(lists, reference)


def test_a_score_that_is_one_bit_off_is_found(reference: Reference) -> None:
    lists = published_lists(reference, range(len(reference.clicks)))
    scores = reference.top_score[4].copy()
    scores[0] = np.nextafter(scores[0], np.float32(np.inf))
    lists[4] = published_list(reference, 4, scores=scores.tolist())
    with pytest.raises(WrongListsError, match=r"1 are wrong.*click 4"):
        require_each_list(lists, reference)


def test_a_shorter_list_is_found(reference: Reference) -> None:
    lists = published_lists(reference, range(len(reference.clicks)))
    lists[0] = published_list(reference, 0, items=[], scores=[])
    with pytest.raises(WrongListsError, match=r"1 are wrong.*click 0"):
        require_each_list(lists, reference)


def test_a_list_for_a_click_that_was_never_sent_is_found(reference: Reference) -> None:
    stranger = published_list(reference, 0, event_id=f"click-{len(reference.clicks)}")
    with pytest.raises(WrongListsError, match="click-120, a click that was never sent"):
        require_each_list([stranger], reference)


def make_reference(reference: Reference, users: list[int]) -> Reference:
    """The first clicks of the reference, as if these users had made them: lists are only compared here."""
    head = reference.head(len(users))
    return Reference(head.artifact, ClickSet(np.array(users), head.clicks.item_index), head.top_item, head.top_score)


def test_per_batch_owes_each_users_last_list_and_may_give_others(reference: Reference) -> None:
    due = make_reference(reference, [1, 2, 1, 3, 1])
    require_newest_lists(published_lists(due, [1, 3, 4]), due)
    require_newest_lists(published_lists(due, [0, 1, 3, 4]), due)


def test_per_batch_finds_a_missing_last_list(reference: Reference) -> None:
    due = make_reference(reference, [1, 2, 1, 3, 1])
    with pytest.raises(WrongListsError, match=r"Of 3 lists that are owed 1 are missing.*click 4"):
        require_newest_lists(published_lists(due, [0, 1, 2, 3]), due)


def test_per_batch_finds_a_wrong_list_that_nobody_was_owed(reference: Reference) -> None:
    due = make_reference(reference, [1, 2, 1, 3, 1])
    lists = [*published_lists(due, [1, 3, 4]), published_list(due, 0, items=[], scores=[])]
    with pytest.raises(WrongListsError, match=r"1 are wrong.*click 0"):
        require_newest_lists(lists, due)


def test_echoes_must_come_back_once_and_unchanged() -> None:
    clicks = make_clicks(10, 5)
    values = [value for _, _, value in clicks.records()]
    require_each_echo(reversed(values), clicks)
    with pytest.raises(WrongListsError, match="1 are missing and 0 new"):
        require_each_echo(values[1:], clicks)
    with pytest.raises(WrongListsError, match="0 are missing and 1 new"):
        require_each_echo([*values, values[0]], clicks)
    with pytest.raises(WrongListsError, match="1 are missing and 1 new"):
        require_each_echo([values[0] + b" ", *values[1:]], clicks)


def test_the_click_of_an_echo_and_of_a_list_is_told_by_its_event(reference: Reference) -> None:
    (_, _, _), (_, _, echo) = make_clicks(10, 2).records()
    assert click_number(echo) == 1
    assert click_number(published_list(reference, 17)) == 17
