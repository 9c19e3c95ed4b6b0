from pathlib import Path

import polars as pl
import pytest

from models.errors import DataError
from models.evaluation.holding_out import hold_items_out, hold_items_out_on_disk
from models.preparation.prepared_data import CLICK_SCHEMA, Description, PreparedData
from models.preparation.prepared_on_disk import open_prepared_data
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


def test_held_out_of_what_is_on_disk_are_the_same(tmp_path: Path) -> None:
    """The report, the training clicks that are gone through, and the test clicks, of which none goes."""
    data = make_data(300)
    data.save(tmp_path)
    on_disk = open_prepared_data(tmp_path, tmp_path)
    held, expected = hold_items_out_on_disk(on_disk, 0.2), hold_items_out(data, 0.2)
    assert held.description == expected.description
    with held.dealt_training_clicks() as clicks:
        (train,) = clicks
    assert train.select(CLICK_SCHEMA.names()).equals(expected.train)
    with held.dealt_test_clicks() as clicks:
        assert clicks.count() == 300
    with pytest.raises(DataError, match="Of 300 items 0 were held out: 300 training clicks are left"):
        hold_items_out_on_disk(on_disk, 0.0)
