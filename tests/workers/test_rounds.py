import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workers import rounds

USERS = st.lists(st.integers(0, 3))


def cut_rounds(users: list[int]) -> list[list[int]]:
    """The rounds as lists."""
    return [round_.tolist() for round_ in rounds.cut_rounds(np.array(users, dtype=np.int64))]


def test_rounds_hold_each_users_first_then_second_clicks() -> None:
    """A user's second click waits for the second round, everybody else goes on."""
    assert cut_rounds([7, 2, 7, 5, 7, 2]) == [[0, 1, 3], [2, 5], [4]]


def test_no_clicks_need_no_rounds() -> None:
    """A micro-batch of rejected records has none."""
    assert cut_rounds([]) == []


@given(USERS)
def test_every_click_is_in_exactly_one_round(users: list[int]) -> None:
    """No click is lost, none is stepped twice, and positions rise within a round."""
    cut = cut_rounds(users)
    assert sorted(position for round_ in cut for position in round_) == list(range(len(users)))
    assert all(round_ == sorted(round_) for round_ in cut)
    assert all(cut)


@given(USERS)
def test_a_user_is_at_most_once_in_a_round(users: list[int]) -> None:
    """One step advances a user's state once."""
    for round_ in cut_rounds(users):
        in_round = [users[position] for position in round_]
        assert len(in_round) == len(set(in_round))


@given(USERS)
def test_a_users_clicks_keep_their_order(users: list[int]) -> None:
    """Read round by round, each user's clicks come as they came."""
    in_rounds = [position for round_ in cut_rounds(users) for position in round_]
    for user in set(users):
        assert [position for position in in_rounds if users[position] == user] == [
            position for position, other in enumerate(users) if other == user
        ]


@given(USERS)
def test_there_are_as_many_rounds_as_the_busiest_user_has_clicks(users: list[int]) -> None:
    """A round more would be a run of the model more."""
    assert len(cut_rounds(users)) == max((users.count(user) for user in users), default=0)
