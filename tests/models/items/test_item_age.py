import numpy as np
import pytest

from models.errors import DataError
from models.items.item_age import MS_PER_HOUR, fit_age_curve

NOW = np.array([100 * MS_PER_HOUR])


def test_rates_are_clicks_by_exposure() -> None:
    """Ten items a day old throughout, one new at the end: as many clicks on it are a far higher rate."""
    old, new = np.zeros(10, np.int64), np.array([40 * MS_PER_HOUR])
    clicked_ms = np.array([24, 28, 32, 41]) * MS_PER_HOUR - 1
    clicked_published = np.array([0, 0, 0, 40]) * MS_PER_HOUR
    curve = fit_age_curve([(clicked_ms, clicked_published)], np.concatenate((old, new)))
    # With half a click added to each: 2.5 from 24 to 36 hours in ten times twelve hours; 1.5 from half an hour to one,
    # in the hour that exposure is taken to be at least.
    ratio = np.exp(curve.bias[1] - curve.bias[7])
    assert ratio == pytest.approx((1.5 / 1.0) / (2.5 / 120), rel=0.05)
    pieces = [(clicked_ms[:1], clicked_published[:1]), (clicked_ms[1:], clicked_published[1:])]
    assert fit_age_curve(pieces, np.concatenate((old, new))).bias.tolist() == curve.bias.tolist()


def test_a_bias_follows_the_clock() -> None:
    """An item is not listed before it is published, first in its first hours, and the older the less."""
    published = np.sort(np.random.default_rng(0).integers(0, 200 * MS_PER_HOUR, 300))
    clicked_published = published[published < 180 * MS_PER_HOUR].repeat(5)
    age = np.random.default_rng(1).exponential(5 * MS_PER_HOUR, len(clicked_published)).astype(np.int64)
    curve = fit_age_curve([(clicked_published + age, clicked_published)], published)
    hours = np.array([101, 100, 97, 80, 60]) * MS_PER_HOUR
    biases = curve.bias_at(hours, NOW)[0]
    assert biases[0] == -np.inf
    assert (np.diff(biases[1:]) < 0).all()


def test_no_clicks_teach_nothing() -> None:
    """Said in words."""
    with pytest.raises(DataError, match="how items age"):
        fit_age_curve([(np.zeros(0, np.int64), np.zeros(0, np.int64))], np.zeros(3, np.int64))
