"""The end of the training period, set aside: what early stopping, tuning and the weights of ensembles are judged by."""

from models.preparation.click_parts import ClickParts
from models.preparation.prepared_data import Description, PreparedData
from models.preparation.splitting import Split, cut_validation_off, validation_split
from models.training.config import ValidationSection


def set_validation_aside(clicks: ClickParts, description: Description, section: ValidationSection) -> ClickParts:
    """Cut training clicks, as `[validation]` says, into those that are learned and, `is_test`, those that are kept out.

    Args:
        clicks: The training clicks of prepared data, `is_test` false.
        description: The data's.
        section: How to cut; with a share of 0 all are learned.
    """
    if not section.share:
        return clicks
    return cut_validation_off(
        clicks,
        description.session_rule,
        section.share,
        protocol=description.protocol,
        crossing=section.crossing_sessions,
        min_item_clicks=section.min_item_clicks,
    ).clicks


def split_validation_off(data: PreparedData, section: ValidationSection, *, keep_unknown_items: bool = False) -> Split:
    """Split the training clicks in the same way, its `share` above 0; see `validation_split`."""
    return validation_split(
        data.train,
        data.description.session_rule,
        section.share,
        protocol=data.description.protocol,
        crossing=section.crossing_sessions,
        min_item_clicks=section.min_item_clicks,
        keep_unknown_items=keep_unknown_items,
    )
