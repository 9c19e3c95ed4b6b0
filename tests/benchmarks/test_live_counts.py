"""The measurement of live counts, on a log that takes no time."""

import re
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from benchmarks.live_counts import main, make_clicks


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the memory is read as Linux tells it")
def test_it_counts_what_it_made() -> None:
    """600 clicks on 50 items: entries of both kinds, and a line that says so."""
    program = Typer()
    program.command()(main)
    line = CliRunner().invoke(program, ["50", "--clicks", "600"], catch_exceptions=False).stdout
    found = re.match(r"50 items, (\d+) of them clicked; (\d+) transitions and (\d+) co-occurrences kept; ", line)
    assert found is not None
    clicked, transitions, cooccurrences = map(int, found.groups())
    assert clicked == len(set(make_clicks(50, 600).item.tolist()))
    assert 100 < transitions < cooccurrences
