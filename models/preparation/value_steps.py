"""Steps on the value beside a click: a rating, a dwell time."""

import math
from collections.abc import Iterator
from typing import assert_never

import polars as pl

from models.errors import DataError
from models.preparation.click_parts import ClickParts, among
from models.preparation.prepared_data import CleaningStep, ValueScale
from models.preparation.step_config import NormalisationMethod


def take_dwell_times(clicks: ClickParts, longest_s: float) -> tuple[ClickParts, CleaningStep]:
    """Replace the value by the seconds until the session's next click, at most `longest_s`; a last click's is null."""
    until_next_s = (pl.col("timestamp_ms").shift(-1).over("session_id") - pl.col("timestamp_ms")) / 1000
    changed = clicks.map(lambda table: table.with_columns(value=until_next_s.clip(upper_bound=longest_s)))
    reason = f"the value is the seconds until the session's next click, at most {longest_s:g}"
    return changed, _report(changed, "dwell times", reason)


def normalise_values(clicks: ClickParts, method: NormalisationMethod) -> tuple[ClickParts, ValueScale, CleaningStep]:
    """Bring values to one scale, taken from the training clicks.

    Raises:
        DataError: If no training click has a value, or one is too small for a logarithm.
    """
    scale = _fit(clicks, method)
    changed = clicks.map(lambda table: table.with_columns(value=(scaled(method) - scale.centre) / scale.scale))
    reason = f"{method}: centre {scale.centre:.6g}, scale {scale.scale:.6g}, taken from the training clicks"
    return changed, scale, _report(changed, "normalised values", reason)


def scaled(method: NormalisationMethod) -> pl.Expr:
    """Return the value as it is before centre and scale are applied."""
    return pl.col("value").log1p() if method == "log-standard" else pl.col("value")


def _fit(clicks: ClickParts, method: NormalisationMethod) -> ValueScale:
    count = sum(1 for _ in _training_values(clicks, method))
    if not count:
        raise DataError("No training click has a value to normalise: leave the step normalise-values out.")
    if not math.isfinite(lowest := min(_training_values(clicks, method))):
        raise DataError("A value is -1 or less and has no log1p: normalise values by `standard` or `min-max`.")
    match method:
        case "min-max":
            return ValueScale(method, lowest, (max(_training_values(clicks, method)) - lowest) or 1.0)
        case "standard" | "log-standard":
            # fsum is exact: the figures do not depend on how many parts the clicks are in.
            mean = math.fsum(_training_values(clicks, method)) / count
            variance = math.fsum((value - mean) ** 2 for value in _training_values(clicks, method)) / count
            return ValueScale(method, mean, math.sqrt(variance) or 1.0)
        case _:
            assert_never(method)


def _training_values(clicks: ClickParts, method: NormalisationMethod) -> Iterator[float]:
    for table in clicks:
        yield from table.filter(among("train")).select(scaled(method)).to_series().drop_nulls()


def _report(clicks: ClickParts, name: str, reason: str) -> CleaningStep:
    kept = changed = 0
    for table in clicks:
        kept += table.height
        changed += table.height - table["value"].null_count()
    return CleaningStep(name, reason, dropped=0, kept=kept, changed=changed)
