from pathlib import Path

import polars as pl
import pytest

from models.preparation.click_generator import GeneratorConfig, generate_clicks
from models.preparation.click_parts import ClicksInMemory, Part, among
from models.preparation.cuts import CrossingSessions
from models.preparation.parts_on_disk import PartsOnDisk
from models.preparation.prepared_data import CLICK_SCHEMA, EvaluationProtocol
from models.preparation.sessions import assign_sessions
from models.preparation.splitting import cut_validation_off, validation_split
from models.sequences.feature_fitting import fit_features
from models.sequences.features import FeatureName
from models.session_rule import SessionRule

GAP = SessionRule(by_id=False, gap_ms=60_000)
NEVER = SessionRule(by_id=False)


def make_log(rule: SessionRule) -> pl.DataFrame:
    """A thousand clicks of forty users, whose sessions interleave on the clock."""
    (generated,) = generate_clicks(GeneratorConfig(clicks=1_000, users=40, items=200, days=0.05))
    table = generated.select(
        *("user_id", pl.lit(None, pl.String).alias("session_id"), "item_id", "timestamp_ms"),
        *(pl.lit("view").alias("event_type"), (pl.int_range(pl.len()) / 7).alias("value")),
    )
    return assign_sessions(table.cast(CLICK_SCHEMA), rule)


@pytest.mark.parametrize(
    ("rule", "protocol", "crossing", "min_item_clicks"),
    [
        (GAP, "session-clicks", "dropped", 1),
        (GAP, "session-clicks", "learned", 3),
        (NEVER, "session-clicks", "dropped", 3),
        (NEVER, "session-clicks", "learned", 1),
        (NEVER, "last-click", "dropped", 1),
    ],
)
def test_a_validation_period_is_cut_off_parts_as_off_a_table(
    tmp_path: Path, rule: SessionRule, protocol: EvaluationProtocol, crossing: CrossingSessions, min_item_clicks: int
) -> None:
    """The same clicks on each side, the same cut, the same report, and features of the same bits."""
    log = make_log(rule)
    whole = validation_split(log, rule, 0.2, protocol=protocol, crossing=crossing, min_item_clicks=min_item_clicks)
    parts = PartsOnDisk.deal(ClicksInMemory.of_log(log), "user_id", tmp_path, 3)
    cut = cut_validation_off(parts, rule, 0.2, protocol=protocol, crossing=crossing, min_item_clicks=min_item_clicks)
    together = pl.concat(list(cut.clicks)).sort("row")
    sides: dict[Part, pl.DataFrame] = {"train": whole.train, "test": whole.test}
    for part, table in sides.items():
        assert 0 < table.height < log.height
        assert together.filter(among(part)).select(CLICK_SCHEMA.names()).equals(table)
    assert (cut.cut_ms, cut.steps) == (whole.cut_ms, whole.steps)
    names: tuple[FeatureName, ...] = ("time_gap", "value", "event_type")
    assert fit_features(cut.clicks, names, "train") == fit_features(ClicksInMemory(whole.train), names)
