"""Which pictures the report has, and what each one says to somebody who cannot see it."""

from collections.abc import Sequence

from nextclick.comparison.comparing import ComparedFamily, Comparison
from nextclick.comparison.figures import ClickFigures
from nextclick.comparison.measures import MEASURES
from nextclick.comparison.plots import (
    DifferenceSeries,
    ValueSeries,
    forest,
    hours,
    shortened,
    time_differences,
    time_values,
)


def whole_picture(comparison: Comparison, names: Sequence[str]) -> str:
    """Draw all measures over all clicks."""
    series = [
        DifferenceSeries(name, column, [comparison.whole.differences[column, measure] for measure in MEASURES])
        for column, name in enumerate(names[1:], 1)
    ]
    labels = [f"{measure}@{comparison.list_length}" for measure in MEASURES]
    description = f"Differences to {names[0]} over all clicks, with 95 % intervals; the table has the numbers."
    return forest("whole", description, labels, series, f"difference to {shortened(names[0])}, points")


def family_pictures(comparison: Comparison, compared: ComparedFamily, names: Sequence[str]) -> list[str]:
    """Draw a family of slices by the plan's measure; the time line twice, its figures and its differences."""
    family, measure = compared.family, comparison.plan.measure
    title = f"{measure}@{comparison.list_length}"
    series = [
        DifferenceSeries(name, column, [one.differences.get((column, measure)) for one in compared.figures])
        for column, name in enumerate(names[1:], 1)
    ]
    description = (
        f"{family.title}: differences in {title} to {names[0]} with 95 % intervals; the table has the numbers."
    )
    axis = f"difference in {title}, points"
    beside_axis = f"points of {title}"
    if family.key == "time":
        values = _value_series(comparison, compared.figures, names)
        shown = f"{family.title}: {title} of each model and of the popular list; the table has the numbers."
        return [
            time_values("time", shown, family.positions, values, f"{title}, %"),
            time_differences("time-differences", description, family.positions, series, beside_axis),
        ]
    if family.key == "hour":
        at = [hour for hour in family.positions if hour is not None]
        return [hours("hour", description, at, series, beside_axis)]
    return [forest(family.key, description, family.labels, series, axis)]


def _value_series(comparison: Comparison, figures: Sequence[ClickFigures], names: Sequence[str]) -> list[ValueSeries]:
    measure = comparison.plan.measure
    return [
        ValueSeries(
            name,
            column,
            [None if one.is_too_small else one.value(column, measure) for one in figures],
            is_popular=column == comparison.popular_column,
        )
        for column, name in enumerate([*names, "popular list"])
    ]
