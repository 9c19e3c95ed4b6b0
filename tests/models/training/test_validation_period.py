import pytest

from models.preparation.click_parts import among
from models.preparation.prepared_data import CLICK_SCHEMA, Description, PreparedData
from models.session_rule import SessionRule
from models.training.config import ValidationSection
from models.training.encoded_data import training_clicks
from models.training.validation_period import set_validation_aside
from tests.click_tables import click_lines, make_clicks

# Bob's session crosses the cut at 4, and his late click is the only learned one on C.
CLICKS = make_clicks(
    *("ann A 1 s", "bob A 2 t", "ann A 3 s", "cid A 4 u", "bob C 5 t", "cid C 6 u", "cid A 7 u"),
)


def make_data() -> PreparedData:
    """Training clicks of sessions that have ids."""
    description = Description("log", SessionRule(by_id=True), "by time", exclude_seen=False, cleaning=())
    return PreparedData(description, CLICKS, CLICKS.clear(), None)


def cut(section: ValidationSection) -> tuple[list[str], list[str]]:
    """What is learned and what is kept out of these clicks."""
    data = make_data()
    with training_clicks(data) as clicks:
        (table,) = set_validation_aside(clicks, data.description, section)
    learned, validated = (table.filter(among(part)).select(CLICK_SCHEMA.names()) for part in ("train", "test"))
    return click_lines(learned), click_lines(validated)


@pytest.mark.parametrize(
    ("section", "learned", "validated"),
    [
        (ValidationSection(share=0.3), ["ann A 1 s", "ann A 3 s"], ["cid A 4 u", "cid A 7 u"]),
        (
            ValidationSection(share=0.3, crossing_sessions="learned"),
            ["ann A 1 s", "bob A 2 t", "ann A 3 s", "bob C 5 t"],
            ["cid A 4 u", "cid C 6 u", "cid A 7 u"],
        ),
        (
            ValidationSection(share=0.3, crossing_sessions="learned", min_item_clicks=2),
            ["ann A 1 s", "bob A 2 t", "ann A 3 s"],
            ["cid A 4 u", "cid A 7 u"],
        ),
    ],
)
def test_validation_is_cut_as_the_configuration_says(
    section: ValidationSection, learned: list[str], validated: list[str]
) -> None:
    """Sessions at the cut are dropped or learned whole; what is too rare to learn is not asked for either."""
    assert cut(section) == (learned, validated)


def test_all_is_learned_where_nothing_validates() -> None:
    """With a share of 0 rare items and late clicks stay."""
    assert cut(ValidationSection(share=0.0, min_item_clicks=5)) == (click_lines(CLICKS), [])
