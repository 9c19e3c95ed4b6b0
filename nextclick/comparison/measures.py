"""What a list is worth for the click that followed it, from the rank of the clicked item in the list.

Every click has one right answer, so the three measures need nothing but its rank r, from 1; 0 where it is not listed.
Formulas: `models/evaluation/metrics.py`, which has them for evaluations of a whole catalogue.

Legend: N clicks, K list length.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Measure(StrEnum):
    """A measure of lists; its figure for many clicks is the mean of its gains."""

    HIT_RATE = "HitRate"
    MRR = "MRR"
    NDCG = "NDCG"


MEASURES = tuple(Measure)


def gains(ranks: NDArray[np.integer], list_length: int) -> NDArray[np.float64]:
    """Return what each list was worth by each measure, in the order of `MEASURES`; (N, ...) -> (N, ..., 3).

    HitRate@K: 1 for a listed item. MRR@K: 1/r. NDCG@K: 1/log2(r + 1), as with one relevant item the ideal is 1
    (Jarvelin and Kekalainen 2002). A rank beyond K is no rank.
    """
    hit = (ranks > 0) & (ranks <= list_length)
    rank = np.where(hit, ranks, 1).astype(np.float64)
    return np.stack([hit, hit / rank, hit / np.log2(rank + 1)], axis=-1).astype(np.float64)
