"""A pytest fixture for golden lists: five lines put a recorded topic into a team's own tests.

    def test_yesterdays_lists(nextclick_golden):
        nextclick_golden("artifacts/model", "tests/yesterday.parquet", "tests/yesterday.golden.parquet")

`pytest --nextclick-golden-update` makes the golden lists anew. Registered by the entry point group `pytest11`.
"""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from nextclick.golden.comparison import Comparison

UPDATE_OPTION = "--nextclick-golden-update"
WIDTH = 100


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that makes golden lists anew."""
    group = parser.getgroup("nextclick")
    group.addoption(
        UPDATE_OPTION, action="store_true", help="Make the golden lists of `nextclick_golden` anew, and pass."
    )


@pytest.fixture
def nextclick_golden(request: pytest.FixtureRequest) -> "Callable[..., Comparison | None]":
    """Check an artifact's lists of a recording against golden ones: `nextclick_golden(artifact, recording, golden)`.

    Keywords: `score_tolerance`, `allow_changed`, `min_overlap`, `counts_delay`, `counts`, `lists`, as of `nextclick
    golden check`. Paths are relative to pytest's root folder. Returns how the lists differ, within the tolerance; None
    where they were made anew.
    """
    root = request.config.rootpath

    def check(
        artifact: str | Path,
        recording: str | Path,
        golden: str | Path,
        *,
        score_tolerance: float = 0.0,
        allow_changed: float = 0.0,
        min_overlap: float = 0.0,
        counts_delay: str | None = None,
        counts: str | Path | None = None,
        lists: str | Path | None = None,
    ) -> "Comparison | None":
        # Imported here: every pytest run in an environment with nextclick loads this file.
        from nextclick.golden.comparison import Tolerance  # noqa: PLC0415
        from nextclick.golden.making import check_golden, make_golden  # noqa: PLC0415
        from nextclick.simulation.counts_choice import counts_choice  # noqa: PLC0415

        recorded = (None if path is None else root / path for path in (counts, lists))
        choice = counts_choice(counts_delay, *recorded)
        paths = root / artifact, root / recording, root / golden
        if request.config.getoption(UPDATE_OPTION):
            paths[2].unlink(missing_ok=True)
            make_golden(*paths, counts=choice)
            return None
        tolerance = Tolerance(score_tolerance, allow_changed, min_overlap)
        checked = check_golden(*paths, tolerance=tolerance, counts=choice)
        if not checked.comparison.is_passed:
            from rich.console import Console  # noqa: PLC0415

            from nextclick.golden.printing import print_check  # noqa: PLC0415

            said = StringIO()
            print_check(Console(file=said, width=WIDTH, highlight=False), checked, examples=3)
            pytest.fail(f"{said.getvalue()}\n`pytest {UPDATE_OPTION}` makes these the golden ones.", pytrace=False)
        return checked.comparison

    return check
