"""`item_bias`: one number an item, added to every list's scores; the file that an operator gives."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import SettingsError
from models.sequences.vocabulary import ItemVocabulary

_LARGEST_BIAS = float(np.finfo(np.float32).max)


def load_item_bias(path: Path | None, vocabulary: ItemVocabulary) -> NDArray[np.float32]:
    """Read a CSV of `item_id,bias`; an item without a line has bias 0, an unknown item's line no effect.

    Args:
        path: The file, with a header line; None: no item has a bias.
        vocabulary: The model's items, V of them.

    Returns:
        The biases in row order, (V,); -inf makes an item unavailable.

    Raises:
        SettingsError: If the file cannot be read, or a line is not an item and a number below +inf.
    """
    item_bias = np.zeros(len(vocabulary), dtype=np.float32)
    if path is None:
        return item_bias
    try:
        # Spreadsheets put a byte order mark in front.
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            _check_header(path, reader.fieldnames)
            for row in reader:
                item_index = vocabulary.index_of(row["item_id"])
                bias = _finite_or_unavailable(row["bias"])
                if item_index is not None:
                    item_bias[item_index] = bias
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"item_bias_file={path} cannot be read: {error}.") from error
    except (TypeError, ValueError) as error:
        raise SettingsError(
            f"item_bias_file={path}, line {reader.line_num}, is not `item_id,bias` with a bias below +inf: {error}."
        ) from error
    return item_bias


def _check_header(path: Path, columns: Sequence[str] | None) -> None:
    if not {"item_id", "bias"} <= set(columns or ()):
        raise SettingsError(f"item_bias_file={path} has no header line `item_id,bias`: write one above the items.")


def _finite_or_unavailable(text: str) -> float:
    bias = float(text)
    # A number that float32 cannot hold would become infinite: an item that is always first, or gone by a slip.
    if bias != -math.inf and not abs(bias) <= _LARGEST_BIAS:
        raise ValueError(f"{text} is not a number that float32 can hold")
    return bias
