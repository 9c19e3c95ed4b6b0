"""Several challengers, one reference: p-values that hold for all of them together."""

from collections.abc import Sequence


def holm_adjusted(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the p-values, adjusted so that the chance of even one false alarm among them stays below the level.

    Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979: the
    smallest of m is multiplied by m, the next by m - 1, and none may fall below the one before it.
    """
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    by_size = sorted(range(len(p_values)), key=lambda index: p_values[index])
    for place, index in enumerate(by_size):
        highest = max(highest, min(1.0, p_values[index] * (len(p_values) - place)))
        adjusted[index] = highest
    return tuple(adjusted)
