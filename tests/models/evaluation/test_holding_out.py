import polars as pl
import pytest

from models.errors import DataError
from models.evaluation.holding_out import hold_items_out
from models.preparation.prepared_data import CLICK_SCHEMA, Description, PreparedData
from models.session_rule import SessionRule


def make_data(items: int) -> PreparedData:
    """A training session and a test session over all items."""
    rows = [("ada", "s", f"item-{number}", number, None, None) for number in range(items)]
    clicks = pl.DataFrame(rows, schema=CLICK_SCHEMA, orient="row")
    return PreparedData(
        Description("shop", SessionRule(), "Cut.", exclude_seen=False, cleaning=()), clicks, clicks, None
    )


def test_held_out_items_are_in_the_test_alone() -> None:
    """About a tenth of 500, the same ones every time, and the report says how many clicks went."""
    data = make_data(500)
    held = hold_items_out(data, 0.1)
    kept = set(held.train["item_id"])
    assert 30 <= 500 - len(kept) <= 70
    assert held.test.equals(data.test)
    assert held.train.equals(hold_items_out(data, 0.1).train)
    assert kept != set(hold_items_out(data, 0.1, seed=1).train["item_id"])
    (step,) = held.description.cleaning
    assert (step.dropped, step.kept) == (500 - len(kept), len(kept))


def test_another_log_holds_the_same_items_out() -> None:
    """What decides is the item's id, not its place."""
    many, few = (set(hold_items_out(make_data(items), 0.2).train["item_id"]) for items in (300, 200))
    assert few == {f"item-{number}" for number in range(200)} & many


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_nothing_or_everything_is_not_held_out(share: float) -> None:
    """There would be nothing to measure, or nothing to learn."""
    with pytest.raises(DataError, match="Hold out another share"):
        hold_items_out(make_data(10), share)
