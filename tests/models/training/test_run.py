from dataclasses import replace

import msgspec
import numpy as np
import polars as pl
import pytest

from models.errors import DataError, TrainingError
from models.networks.lstm import LSTMConfig
from models.networks.seq2seq import Seq2SeqConfig
from models.preparation.prepared_data import CLICK_SCHEMA, Description, PreparedData
from models.sequences.features import TimeGap
from models.session_rule import SessionRule
from models.training.config import BatchSection, TrainingConfig, ValidationSection
from models.training.optimisers import Adam
from models.training.run import evaluate_on_test, train

ITEMS = "abcdefg"


def make_clicks(first_session: int, sessions: int, *, length: int = 6) -> pl.DataFrame:
    """Sessions that walk the items in a circle, one session an hour, one click a minute."""
    rows = [
        (
            f"u{session}",
            f"s{session}",
            ITEMS[(session + step) % len(ITEMS)],
            session * 3_600_000 + step * 60_000,
            None,
            None,
        )
        for session in range(first_session, first_session + sessions)
        for step in range(length)
    ]
    return pl.DataFrame(rows, schema=CLICK_SCHEMA, orient="row")


def make_data(*, sessions: int = 60, length: int = 6) -> PreparedData:
    """Circles to train and to test on."""
    description = Description("circles", SessionRule(), "by time", exclude_seen=True, cleaning=())
    return PreparedData(
        description, make_clicks(0, sessions, length=length), make_clicks(sessions, 10, length=length), None
    )


def make_config(*, share: float = 0.0, epochs: int = 12) -> TrainingConfig:
    """A small network with a time gap."""
    return TrainingConfig(
        network=LSTMConfig(embedding_size=8, hidden_size=12, embedding_dropout=0.0, output_dropout=0.0),
        features=("time_gap",),
        batches=BatchSection(lanes=4, window=4, loss_divisor=4.0),
        optimiser=Adam(learning_rate=0.03),
        validation=ValidationSection(share=share, metric="Recall@1", patience=2),
        epochs=epochs,
    )


def test_from_clicks_to_a_network_that_knows_them() -> None:
    """The circle is learned, popularity knows nothing of it, and the checkpoint holds what it was learned from."""
    data = make_data()
    checkpoint, figures = evaluate_on_test(train(data, make_config()), data)
    assert figures.network.metrics["Recall@1"] == 1.0
    assert figures.popularity.metrics["Recall@1"] < 0.3
    assert figures.network.predictions == figures.popularity.predictions == 50

    description = checkpoint.description
    assert description.metrics == figures.network.metrics
    assert checkpoint.vocabulary.item_ids == tuple(ITEMS)
    assert checkpoint.popularity.tolist() == np.unique(data.train["item_id"], return_counts=True)[1].tolist()
    assert description.exclude_seen
    assert description.training_data.dataset == "circles"
    assert (description.training_data.clicks, description.training_data.sessions) == (360, 60)
    assert description.training_data.last_timestamp_ms == 59 * 3_600_000 + 5 * 60_000
    (gap,) = description.features
    # Five gaps of a minute and one of 0 in every session.
    assert isinstance(gap, TimeGap)
    assert gap.mean == pytest.approx(np.log1p(60) * 5 / 6)


def test_the_validation_period_is_the_end_of_the_training_period_and_not_learned() -> None:
    """A quarter of sixty sessions is kept out; every epoch is judged by it."""
    checkpoint = train(make_data(), make_config(share=0.25))
    training_data = checkpoint.description.training_data
    assert training_data.sessions == 45
    assert training_data.last_timestamp_ms < 45 * 3_600_000
    reports = [report.validation for report in checkpoint.description.history]
    assert {report.sessions for report in reports if report is not None} == {15}
    assert None not in reports


def test_leave_last_out_predicts_the_last_click_given_all_before_it() -> None:
    """The last click of each session tests, the one before it validates; the circle is known from their histories."""
    clicks = make_clicks(0, 40)
    is_last = pl.int_range(pl.len()).over("session_id") == pl.len().over("session_id") - 1
    data = make_data()
    description = msgspec.structs.replace(data.description, protocol="last-click")
    data = replace(data, description=description, train=clicks.filter(~is_last), test=clicks.filter(is_last))
    checkpoint = train(data, make_config(share=0.1, epochs=30))
    assert checkpoint.description.training_data.clicks == 40 * 4
    validation = checkpoint.description.history[-1].validation
    assert validation is not None
    assert validation.predictions == 40
    _, figures = evaluate_on_test(checkpoint, data)
    assert figures.network.predictions == 40
    assert figures.network.metrics["Recall@1"] == 1.0


def test_a_network_that_writes_several_clicks_is_judged_by_them_too() -> None:
    """The next three clicks of the circle are the first three of the list; popularity is judged by them as well."""
    data = make_data()
    network = Seq2SeqConfig(
        embedding_size=8, hidden_size=12, decoder_size=12, written_items=3, embedding_dropout=0.0, output_dropout=0.0
    )
    config = msgspec.structs.replace(make_config(epochs=20), network=network)
    checkpoint, figures = evaluate_on_test(train(data, config), data)
    assert figures.network.metrics["Recall@1"] == 1.0
    assert figures.network.following["Recall@5"] == 1.0
    assert figures.network.following["NDCG@5"] == pytest.approx(1.0)
    assert figures.popularity.following["NDCG@5"] < 0.9
    assert checkpoint.description.metrics == figures.network.metrics


def test_the_seen_filter_reaches_the_figures() -> None:
    """Nine clicks on a circle of seven: the last two were seen before, and a filter makes them misses."""
    data = make_data(length=9)
    checkpoint = train(data, make_config(epochs=6))
    _, plain = evaluate_on_test(checkpoint, data)
    _, filtered = evaluate_on_test(checkpoint, data, exclude_last=50)
    assert plain.network.metrics["Recall@1"] == 1.0
    assert filtered.network.metrics["Recall@1"] == pytest.approx(6 / 8)


def test_no_clicks_are_nothing_to_train_on() -> None:
    """An empty table ends in one clear line."""
    with pytest.raises(TrainingError, match="no click of circles"):
        train(make_data(sessions=0), make_config())


def test_a_validation_period_without_a_prediction_is_refused_before_training() -> None:
    """The last session alone, on items that nobody clicked before, has nothing to predict."""
    data = make_data(sessions=10)
    last = pl.col("session_id") == "s9"
    strange = data.train.with_columns(item_id=pl.when(last).then(pl.lit("new")).otherwise("item_id"))
    with pytest.raises(DataError, match="No session of the validation period has two clicks"):
        train(PreparedData(data.description, strange, data.test, None), make_config(share=0.1))
