"""Step 2: a micro-batch cut so that each user appears at most once per round, order kept."""

from collections.abc import Hashable, Sequence


def cut_rounds(users: Sequence[Hashable]) -> list[list[int]]:
    """Cut a micro-batch into rounds.

    Round r holds every user's r-th click of the batch, so that one step advances each user at most once and a user's
    clicks are applied in their order.

    Args:
        users: Whose each click is, in offset order.

    Returns:
        Positions into `users`, rising within a round; every position occurs exactly once.
    """
    rounds: list[list[int]] = []
    clicks_so_far: dict[Hashable, int] = {}
    for position, user in enumerate(users):
        number = clicks_so_far.get(user, 0)
        clicks_so_far[user] = number + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(position)
    return rounds
