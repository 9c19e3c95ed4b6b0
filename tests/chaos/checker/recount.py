"""The click topic counted once more, from its beginning, by the rules as they are written down."""

from collections import Counter
from collections.abc import Mapping

from tests.chaos.checker.clicks import Place
from tests.chaos.checker.counts import Sums
from tests.chaos.checker.expectation import Expected
from tests.chaos.checker.model import CheckedModel, CountsRules, eight_byte_hash

# The newest bucket of a partition and those before it take clicks.
OPEN_BUCKETS = 6


def recounted(expected: Mapping[Place, Expected], model: CheckedModel, rules: CountsRules, tally: Counter[str]) -> Sums:
    """Count every click with consent on an item that the model knows, each partition's in their order.

    Args:
        expected: Each click and the state that it leaves.
        model: Its items.
        rules: How they are counted.
        tally: Told what became of the clicks.
    """
    total = Sums()
    newest: dict[int, int] = {}
    by_user: Counter[tuple[int, int, str, int]] = Counter()
    for (partition, _), one in sorted(expected.items(), key=lambda item: item[0]):
        click = one.click
        if one.state is None or not model.knows(click.item_id):
            tally["clicks not to be counted"] += 1
            continue
        if click.timestamp_ms - OPEN_BUCKETS * rules.bucket_ms > click.record.timestamp_ms >= 0:
            tally["clicks counted as early"] += 1
            continue
        bucket, item = click.timestamp_ms // rules.bucket_ms, eight_byte_hash(click.item_id)
        newest[partition] = max(bucket, newest.get(partition, bucket))
        mark = (partition, bucket, click.user_id, item)
        if bucket <= newest[partition] - OPEN_BUCKETS:
            tally["clicks counted as late"] += 1
        elif by_user[mark] == rules.clicks_per_user:
            tally["clicks over their user's share"] += 1
        else:
            tally["clicks counted"] += 1
            by_user[mark] += 1
            total.users[partition, bucket, item] += by_user[mark] == 1
            _count(total, (partition, bucket), item, _before(one, model), rules.session_reach)
    return total


def _count(total: Sums, place: tuple[int, int], item: int, before: list[int], reach: int) -> None:
    total.clicks[*place, item] += 1
    if before:
        total.transitions[*place, before[-1], item] += 1
    for other in set(before[-reach:]) - {item}:
        total.cooccurrences[*place, *sorted((other, item))] += 1


def _before(one: Expected, model: CheckedModel) -> list[int]:
    """Return the known items that the user clicked earlier in the session and that his state still remembers."""
    if one.state is None or one.state.session_clicks == 1:
        return []
    earlier = one.state.ring[:-1][-(one.state.session_clicks - 1) :]
    return [item for item, _ in earlier if model.knows_hash(item)]
