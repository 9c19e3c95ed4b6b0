"""The account of every click: what is lost, applied twice, published again, by four topics alone."""

from nextclick.page.account import ClickAccount
from tests.page.records import CLICKED_MS, click, letter, list_of, state

READ_S = (CLICKED_MS + 20) / 1000


def new_account() -> ClickAccount:
    return ClickAccount({0: 0, 1: 0})


def test_every_click_has_an_outcome() -> None:
    """Of three records two have lists and one a dead letter: nothing waits, nothing is lost."""
    account = new_account()
    account.take_clicks([click(0), click(1), click(0, partition=1)], READ_S)
    account.take_lists([list_of(0, "a"), list_of(0, "b", user="bob", partition=1)], READ_S)
    account.take_letters([letter(1)], READ_S)
    balance = account.balance()
    assert (balance.records, balance.listed, balance.dead_letters) == (3, 2, 1)
    assert (balance.waiting, balance.lost) == (0, 0)


def test_a_click_whose_list_is_read_first_is_in_the_topic() -> None:
    """The page never shows more lists than clicks."""
    account = new_account()
    account.take_lists([list_of(0, "a"), list_of(1, "b")], READ_S)
    account.take_clicks([click(0)], READ_S)
    balance = account.balance()
    assert (balance.records, balance.listed, balance.waiting) == (2, 2, 0)


def test_a_click_that_waits_is_not_lost_until_it_is_passed_over() -> None:
    """The second of three has no outcome: it waits, and once the third's is some seconds old it is lost."""
    account = new_account()
    account.take_clicks([click(0), click(1), click(2)], READ_S)
    account.take_lists([list_of(0, "a"), list_of(2, "b")], READ_S)
    assert (account.balance().waiting, account.balance().lost) == (1, 0)
    for _ in range(3):
        account.tick()
    assert (account.balance().waiting, account.balance().lost) == (1, 1)
    account.take_lists([list_of(1, "late")], READ_S)
    assert (account.balance().waiting, account.balance().lost) == (0, 0)


def test_clicks_behind_the_newest_outcome_only_wait() -> None:
    """A worker that is gone loses nothing: what comes behind its last list waits, however long."""
    account = new_account()
    account.take_clicks([click(offset) for offset in range(50)], READ_S)
    account.take_lists([list_of(0, "a")], READ_S)
    for _ in range(10):
        account.tick()
    assert (account.balance().waiting, account.balance().lost) == (49, 0)


def test_a_list_that_is_published_again_is_compared_byte_for_byte() -> None:
    """The same bytes count as again, others as changed, and neither as a list of another click."""
    account = new_account()
    assert [first for _, first in account.take_lists([list_of(0, "a")], READ_S)] == [True]
    assert [first for _, first in account.take_lists([list_of(0, "a"), list_of(0, "b")], READ_S)] == [False, False]
    balance = account.balance()
    assert (balance.listed, balance.again, balance.changed) == (1, 1, 1)


def test_a_dead_letter_that_is_written_again_is_one_dead_letter() -> None:
    """A worker that is killed before it commits sets a record aside twice: only the first letter is news."""
    account = new_account()
    assert [one.reason for one in account.take_letters([letter(1), letter(1)], READ_S)] == ["not_json"]
    assert account.take_letters([letter(1)], READ_S) == []
    assert account.balance().dead_letters == 1


def test_a_state_that_counts_a_click_twice_is_found() -> None:
    """Two clicks have lists; a state of three applied one twice, a state of one left one out."""
    account = new_account()
    account.take_lists([list_of(0, "a"), list_of(1, "b")], READ_S)
    account.take_states([state(1, clicks=2)], READ_S)
    assert (account.balance().states, account.balance().applied_twice, account.balance().applied_less) == (1, 0, 0)
    account.take_states([state(1, clicks=3)], READ_S)
    assert account.balance().applied_twice == 1
    account.take_states([state(1, clicks=1)], READ_S)
    assert (account.balance().applied_twice, account.balance().applied_less) == (0, 1)


def test_a_state_on_its_way_is_not_judged() -> None:
    """A state that stands for an older click than the newest list is being written."""
    account = new_account()
    account.take_lists([list_of(0, "a"), list_of(1, "b")], READ_S)
    account.take_states([state(0, clicks=1)], READ_S)
    assert account.balance().states == 0


def test_latency_is_from_the_click_records_timestamp_in_either_order_of_reading() -> None:
    """20 ms, whether the click or its list is read first."""
    account = new_account()
    account.take_clicks([click(0)], READ_S)
    account.take_lists([list_of(0, "a"), list_of(1, "b")], READ_S)
    account.take_clicks([click(1)], READ_S + 1)
    assert account.latencies_ms(READ_S) == [20, 20]
    assert account.latencies_ms(READ_S + 0.1) == []


def test_what_was_before_the_page_does_not_count() -> None:
    """An account that begins at offset 10 knows nothing of the list of click 9."""
    account = ClickAccount({0: 10})
    assert [first for _, first in account.take_lists([list_of(9, "a")], READ_S)] == [False]
    assert account.balance().listed == 0
    account.take_clicks([click(10)], READ_S)
    assert account.balance().records == 1
    assert account.ends() == {0: 11}
    assert not account.is_decided_to({0: 11})
    account.take_lists([list_of(10, "a")], READ_S)
    assert account.is_decided_to({0: 11})
