"""The leaderboard as a page: docs/leaderboard.md is what this writes."""

from collections.abc import Iterator, Sequence

from models.evaluation.following_items import FOLLOWING, FOLLOWING_CUTOFFS
from models.evaluation.metric_intervals import Interval
from nextclick.leaderboard.board import RATING_HEADLINE, Head, Leaderboard, Line
from nextclick.leaderboard.configuration import Published

QUALITY = tuple(f"{measure}@{cutoff}" for measure in ("Recall", "MRR", "NDCG") for cutoff in (5, 10, 20))
FOLLOWING_PREFIX = f"Next{FOLLOWING}"
FOLLOWING_FIGURES = tuple(
    f"{FOLLOWING_PREFIX}{measure}@{cutoff}" for measure in ("Recall", "NDCG") for cutoff in FOLLOWING_CUTOFFS
)
_SHARES = ("Coverage@20", "Gini@20")
_HOW_MADE = """\
Made by `nextclick leaderboard` and not by hand; every figure is in `leaderboard.json`, which `make leaderboard` puts
into `benchmarks/`."""
_EXPLANATION = """\
For every predicted click the whole catalogue is ranked given the clicks before it; among items of equal score the
clicked one comes last. Intervals are of 95 %, by drawing whole sessions (users, where sessions never end) with
replacement; see `models/evaluation/metric_intervals.py`. The models of a data set stand in the order of the first
column.

- **behind the best**: the difference to the first line in the figure that orders them, paired click by click (first
  seeds). An interval that does not reach 0 is a difference that is there.
- **next five clicks**: the same lists, judged by the items of the next five clicks together, in any order: how many of
  them a list holds (Recall), and how early (NDCG). See `models/evaluation/following_items.py`.
- **Coverage@20**: the share of the catalogue that is in at least one list. **Gini@20**: how unevenly the lists show it
  (0 all items alike, 1 one item alone). **ARP@20**: the mean number of training clicks of what is listed, the higher
  the more popular (Yin et al., PVLDB 2012).
- **training**: seconds of the epochs by the clock, validation left out. **artifact**: all files. **state**: what is
  kept a user. **a click**: microseconds of processor time for step and rank in batches of 64 by onnxruntime in one
  thread, the median of seven runs. What has a state can be served; a baseline that is counted offline has none.
- **RMSE**, **MAE**: of ratings predicted one by one, each from the ratings before the cut and the user's own before it.

Settings were chosen on the end of the training period, never on the test: *tuned on* says by what.
"""


def markdown_page(leaderboard: Leaderboard, *, picture: str | None) -> str:
    """Return the whole page.

    Args:
        leaderboard: What was measured.
        picture: The plot's file beside the page; None where there is none.
    """
    head = leaderboard.head
    parts = [
        "# Leaderboard",
        _HOW_MADE,
        *([f"![Figures with their intervals, a panel a data set]({picture})"] if picture else []),
        _EXPLANATION.strip(),
    ]
    for dataset in (one.name for one in leaderboard.datasets):
        lines = [line for line in leaderboard.lines if line.dataset == dataset]
        published = [one for one in leaderboard.published if one.dataset == dataset]
        about = [one.about for one in leaderboard.datasets if one.name == dataset and one.about]
        parts += [f"## {dataset}", *about, *_dataset_tables(lines)]
        parts += [_published_table(published)] if published else []
    if head.missing:
        parts += ["## Not measured", "\n".join(f"- {one.entry}: {one.reason}" for one in head.missing)]
    how = f"{head.resamples:,} resamples with seed {head.bootstrap_seed}; configuration {head.config_digest[:12]}."
    parts += ["## Measured on", *(f"{machine}." for machine in head.machines), f"{_days(head)}{how}"]
    return "\n\n".join(parts) + "\n"


def _days(head: Head) -> str:
    if not head.last_day:
        return ""
    return f"{head.first_day}{f' to {head.last_day}' if head.last_day != head.first_day else ''} (UTC). "


def _dataset_tables(lines: Sequence[Line]) -> Iterator[str]:
    ranking = [line for line in lines if not line.rates]
    rating = [line for line in lines if line.rates]
    if ranking:
        yield f"{ranking[0].predictions:,} predictions in {ranking[0].sessions:,} sessions."
        yield _headline_table(ranking)
        yield _quality_table(ranking)
        if FOLLOWING_FIGURES[0] in ranking[0].figures:
            yield _following_table(ranking)
        yield _cost_table(ranking)
    if rating:
        yield f"{rating[0].predictions:,} ratings of {rating[0].sessions:,} users."
        yield _rating_table(rating)


def _headline_table(lines: Sequence[Line]) -> str:
    rows = [
        (line.model, *(_ranged(line.figures[name]) for name in line.headline), _behind(line), _seeds(line))
        for line in lines
    ]
    return _table(("model", *lines[0].headline, "behind the best", "seeds"), rows)


def _quality_table(lines: Sequence[Line]) -> str:
    names = (*QUALITY, *_SHARES, "ARP@20")
    rows = [
        (line.model, *(_plain(line.figures[name].value, is_share=name != "ARP@20") for name in names)) for line in lines
    ]
    return _table(("model", *names), rows)


def _following_table(lines: Sequence[Line]) -> str:
    rows = [(line.model, *(_plain(line.figures[name].value) for name in FOLLOWING_FIGURES)) for line in lines]
    names = (name.removeprefix(FOLLOWING_PREFIX) for name in FOLLOWING_FIGURES)
    return _table(("next five clicks", *names), rows)


def _cost_table(lines: Sequence[Line]) -> str:
    rows = [
        (
            line.model,
            line.kind,
            _counted(line, "training_seconds", "s"),
            _counted(line, "artifact_bytes", "MB", per=1e6, decimals=1),
            _counted(line, "state_bytes", "B"),
            _counted(line, "microseconds_per_click", "µs"),
            line.tuned_on,
        )
        for line in lines
    ]
    return _table(("model", "kind", "training", "artifact", "state", "a click", "tuned on"), rows)


def _rating_table(lines: Sequence[Line]) -> str:
    rows = [
        (
            line.model,
            *(_ranged(line.figures[name]) for name in RATING_HEADLINE),
            _counted(line, "training_seconds", "s"),
            line.tuned_on,
        )
        for line in lines
    ]
    return _table(("model", *RATING_HEADLINE, "training", "tuned on"), rows)


def _published_table(published: Sequence[Published]) -> str:
    names = list(dict.fromkeys(name for one in published for name in one.figures))
    rows = [
        (one.name, *(_plain(one.figures[name]) if name in one.figures else "" for name in names), one.source)
        for one in published
    ]
    return _table(("published, not measured here", *names, "source"), rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    alignment = ["---", *("---" if name in {"kind", "tuned on", "source"} else "---:" for name in header[1:])]
    # What people name their models may hold the sign that parts two columns.
    in_cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, alignment, *in_cells))


def _ranged(interval: Interval) -> str:
    return f"**{_plain(interval.value)}** ({_plain(interval.low)} to {_plain(interval.high)})"


def _plain(value: float, *, is_share: bool = True) -> str:
    """Write a share with four decimals and without its 0, as the field does; a count without decimals."""
    if not is_share:
        return f"{value:,.0f}"
    return f"{value:.4f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.4f}"


def _counted(line: Line, name: str, unit: str, *, per: float = 1, decimals: int = 0) -> str:
    if name not in line.figures:
        return ""
    value, smallest = line.figures[name].value / per, 10.0**-decimals
    return f"{value:,.{decimals}f} {unit}" if value >= smallest else f"<{smallest:g} {unit}"


def _behind(line: Line) -> str:
    if line.behind is None:
        return ""
    return f"{_plain(line.behind.value)} ({_plain(line.behind.low)} to {_plain(line.behind.high)})"


def _seeds(line: Line) -> str:
    seeds = ", ".join(map(str, line.seeds))
    return seeds if line.spread is None else f"{seeds}; apart by {_plain(line.spread)}"
