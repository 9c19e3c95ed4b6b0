"""Which records are meant: by partition, offset, time and number."""

import pytest

from models.errors import DataError
from nextclick.recording.selection import OffsetRange, Selection, parse_offsets
from tests.click_tables import MAY_2024_MS
from tests.nextclick.recording.made import make_recorded

# Two partitions that take turns, a second apart: 0/0, 1/0, 0/1, 1/1, 0/2, 1/2.
SIX = [
    make_recorded(number % 2, number // 2, timestamp_ms=MAY_2024_MS + 1_000 * number, value=None) for number in range(6)
]


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (Selection(), [0, 1, 2, 3, 4, 5]),
        (Selection(partitions=frozenset({1})), [1, 3, 5]),
        (Selection(offsets={0: OffsetRange(1)}), [2, 4]),
        (Selection(offsets={0: OffsetRange(1), 1: OffsetRange(None, 1)}), [1, 2, 4]),
        (Selection(offsets={0: OffsetRange(1)}, partitions=frozenset({1})), []),
        (Selection(since_ms=MAY_2024_MS + 2_000), [2, 3, 4, 5]),
        (Selection(until_ms=MAY_2024_MS + 2_000), [0, 1]),
        (Selection(since_ms=MAY_2024_MS + 1_000, until_ms=MAY_2024_MS + 4_000, limit=2), [1, 2]),
        (Selection(limit=4), [0, 1, 2, 3]),
    ],
)
def test_what_is_meant(selection: Selection, chosen: list[int]) -> None:
    assert list(selection.of(SIX)) == [SIX[number] for number in chosen]


def test_offsets_as_a_person_types_them() -> None:
    """The end is the first offset left out, as in Kafka."""
    assert parse_offsets(["3:100-200", "0:5-", "1:-7"]) == {
        3: OffsetRange(100, 200),
        0: OffsetRange(5, None),
        1: OffsetRange(None, 7),
    }


@pytest.mark.parametrize("text", ["3", "3:", "3:100", "a:1-2", "3:1-b", "3:-1-2", "-1:1-2", ":1-2", "3:²-9"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="is no range of offsets: write 3:100-200"):
        parse_offsets([text])


def test_ranges_that_contradict_are_refused() -> None:
    with pytest.raises(DataError, match="end before they begin"):
        parse_offsets(["3:200-100"])
    with pytest.raises(DataError, match="Partition 3 has two ranges"):
        parse_offsets(["3:1-2", "3:4-5"])
