"""Measures a checkpoint on the cold items of its data: those that the catalogue holds and training has no click on."""

import polars as pl

from models.errors import DataError
from models.evaluation.cold_evaluation import BiasAt, ColdReport, evaluate_cold_items
from models.evaluation.protocol import NetworkScorer
from models.items.item_age import fit_age_curve
from models.items.item_contents import rows_of_items
from models.networks.kinds import kind_of
from models.training.checkpoint import Checkpoint
from models.training.cold_items import with_cold_items
from models.training.encoded_data import Prepared, encode_test, training_clicks


def report_on_cold_items(
    checkpoint: Checkpoint, data: Prepared, *, published: str | None = None, exclude_last: int = 0
) -> ColdReport:
    """Measure a network that reads items' contents on the test clicks on items that it has never seen clicked.

    Args:
        checkpoint: What was trained.
        data: What it was trained on, or the same before items were held out.
        published: The catalogue's column of the moment, in milliseconds since 1970, that each item was published;
            with it the model is measured with a bias by age too. None: items do not age.
        exclude_last: How many of a user's last clicks may not be listed again.

    Raises:
        DataError: If the network does not read contents, or no test click is on a cold item.
    """
    served = with_cold_items(checkpoint)
    if served is checkpoint or served.catalogue is None:
        raise DataError("This network knows items by their ids alone: it has nothing to say of cold items.")
    test = encode_test(data, served.vocabulary, served.description.features)
    category = rows_of_items(served.catalogue, served.vocabulary, ("category",))["category"]
    return evaluate_cold_items(
        kind_of(checkpoint.description.network),
        NetworkScorer(served.network).score(test),
        test,
        served.popularity,
        category,
        exclude_last=exclude_last,
        bias_at=None if published is None else _age_bias(served, data, published),
    )


def _age_bias(served: Checkpoint, data: Prepared, published: str) -> BiasAt:
    """Learn from the training clicks on the training items how age makes an item clicked."""
    assert served.catalogue is not None  # noqa: S101  # checked by the caller
    column = rows_of_items(served.catalogue, served.vocabulary, (published,))[published]
    of_items = column.cast(pl.Int64, strict=False)
    if of_items.null_count() > column.null_count():
        raise DataError(f"The catalogue's column {published} holds no milliseconds since 1970: name another.")
    if of_items.null_count():
        raise DataError(f"The catalogue's column {published} is empty for some items: when were they published?")
    published_ms = of_items.to_numpy()
    items = pl.DataFrame({"item_id": served.vocabulary.item_ids, "published_ms": published_ms})
    with training_clicks(data) as clicks:
        of_clicks = (table.join(items, on="item_id") for table in clicks.columns("item_id", "timestamp_ms"))
        curve = fit_age_curve(
            ((table["timestamp_ms"].to_numpy(), table["published_ms"].to_numpy()) for table in of_clicks), published_ms
        )
    return lambda now_ms: curve.bias_at(published_ms, now_ms)
