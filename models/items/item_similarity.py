"""Which items are alike, by what sessions hold together: cosines, and the best of each row of a matrix.

Matrices are gone through in blocks of rows: what is worked on is small beside the counts themselves.

Legend: V items, R rows, M items that are kept of a row.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from models.sequences.encoded_sessions import UNKNOWN_ITEM

# Bound of memory: entries of the rows that are worked on at once, some 60 bytes each.
ENTRIES_AT_ONCE = 2_000_000
_ALL_ROWS = slice(None)


@dataclass(frozen=True)
class TopRows:
    """The best entries of each row of a matrix.

    Attributes:
        index: Their columns, best first, (V, M); -1 where a row has fewer.
        value: Their values, (V, M); 0 where there is none.
    """

    index: NDArray[np.int64]
    value: NDArray[np.float32]


def cosine_similarities(cooccurrence: csr_array, *, shrinkage: float = 0.0, rows: slice = _ALL_ROWS) -> csr_array:
    """Return the cosine between items as vectors over sessions, (R, V), without the diagonal of (V, V).

    Sarwar et al., Item-based Collaborative Filtering Recommendation Algorithms, WWW 2001, section 3.1.1, for clicks
    instead of ratings: C_ij / (sqrt(C_ii C_jj) + shrinkage).

    Args:
        cooccurrence: `cooccurrence_counts` or `nearby_counts`, (V, V).
        shrinkage: Makes rare items less similar, by chance they are often alike.
        rows: Of which items.
    """
    held = cooccurrence.diagonal()
    own = held[rows]
    first = rows.start or 0
    pairs = cooccurrence[rows].tocoo()
    apart = pairs.row + first != pairs.col
    row, column = pairs.row[apart], pairs.col[apart]
    cosine = pairs.data[apart] / (np.sqrt(own[row] * held[column]) + shrinkage)
    return coo_array((cosine, (row, column)), shape=pairs.shape).tocsr()


def most_similar(cooccurrence: csr_array, length: int, *, shrinkage: float = 0.0) -> TopRows:
    """Keep the M items most similar to each; of equals, the lower ones.

    Args:
        cooccurrence: See `cosine_similarities`.
        length: M.
        shrinkage: See there.
    """
    blocks = _blocks(cooccurrence)
    similar = ((rows, cosine_similarities(cooccurrence, shrinkage=shrinkage, rows=rows)) for rows in blocks)
    return _best(similar, cooccurrence.shape[0], length)


def top_rows(matrix: csr_array, length: int) -> TopRows:
    """Keep the M largest stored entries of each row; of equals, those of the lower columns.

    Args:
        matrix: (V, V).
        length: M.
    """
    return _best(((rows, matrix[rows]) for rows in _blocks(matrix)), matrix.shape[0], length)


def _blocks(matrix: csr_array) -> Iterator[slice]:
    """Cut the rows into runs of no more than so many stored entries, or of one row."""
    begin = 0
    while begin < matrix.shape[0]:
        end = int(np.searchsorted(matrix.indptr, matrix.indptr[begin] + ENTRIES_AT_ONCE, side="right")) - 1
        end = max(end, begin + 1)
        yield slice(begin, end)
        begin = end


def _best(blocks: Iterable[tuple[slice, csr_array]], row_count: int, length: int) -> TopRows:
    """Keep the best entries of rows that come block by block."""
    best = TopRows(
        np.full((row_count, length), UNKNOWN_ITEM, dtype=np.int64), np.zeros((row_count, length), dtype=np.float32)
    )
    for rows, block in blocks:
        _fill(best.index[rows], best.value[rows], block)
    return best


def _fill(index: NDArray[np.int64], value: NDArray[np.float32], matrix: csr_array) -> None:
    """Write the best entries of R rows, (R, V), into what is empty, (R, M) both."""
    length = index.shape[1]
    stored = np.diff(matrix.indptr)
    row = np.repeat(np.arange(len(stored)), stored)
    # A row may hold the whole catalogue: what is below its M-th largest entry is not worth sorting.
    worth = np.flatnonzero(matrix.data >= _mth_largest(matrix, length)[row])
    order = worth[np.lexsort((matrix.indices[worth], -matrix.data[worth], row[worth]))]
    row = row[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    kept = place < length
    index[row[kept], place[kept]] = matrix.indices[order][kept]
    value[row[kept], place[kept]] = matrix.data[order][kept]


def _mth_largest(matrix: csr_array, length: int) -> NDArray[np.float64]:
    """Return the M-th largest stored entry of each row, (R,); -inf where a row has no more than M."""
    floors = np.full(matrix.shape[0], -np.inf)
    for row in np.flatnonzero(np.diff(matrix.indptr) > length):
        entries = matrix.data[matrix.indptr[row] : matrix.indptr[row + 1]]
        floors[row] = np.partition(entries, -length)[-length]
    return floors
