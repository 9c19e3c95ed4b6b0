import numpy as np
import pytest

from models.baselines.popularity import Popularity
from models.evaluation.metric_intervals import Interval
from nextclick.leaderboard.board import Leaderboard, build_leaderboard
from nextclick.leaderboard.configuration import DatasetSection, Entry, LeaderboardConfig, Published
from nextclick.leaderboard.markdown import FOLLOWING_FIGURES, QUALITY, markdown_page
from nextclick.leaderboard.plot import draw_leaderboard
from nextclick.leaderboard.results import Measured, Ranks, Result
from nextclick.leaderboard.run import Outcome


def make_measured(
    name: str, mrr: float, *, seed: int = 0, rank: int = 2, dataset: str = "made", day: str = "2026-01-31"
) -> tuple[Entry, Measured]:
    """A model of 50 sessions of two predictions, each of the same rank."""
    ranks = Ranks(np.repeat(np.arange(50), 2), np.full(100, rank))
    figures = {metric: Interval(mrr, mrr - 0.01, mrr + 0.01) for metric in (*QUALITY, "Coverage@20", "Gini@20")}
    figures |= {"ARP@20": Interval(1234.0, 1200.0, 1300.0), "training_seconds": Interval(1.5, 1.5, 1.5)}
    result = Result(
        dataset, name, "popularity", seed, figures, predictions=100, sessions=50, machine="a computer", day=day
    )
    return Entry(dataset, name, seed, Popularity(), "nothing"), Measured(result, ranks)


def make_ratings(name: str, rmse: float) -> tuple[Entry, Measured]:
    """A model of ratings."""
    figures = {metric: Interval(rmse, rmse - 0.1, rmse + 0.1) for metric in ("RMSE", "MAE")}
    figures |= {"training_seconds": Interval(0.1, 0.1, 0.1)}
    result = Result("films", name, name, 0, figures, predictions=10, sessions=5, machine="a computer", day="2026-01-31")
    return Entry("films", name, 0, Popularity(), "nothing"), Measured(result, None)


def make_board(*measured: tuple[Entry, Measured], missing: tuple[Entry, ...] = ()) -> Leaderboard:
    """A leaderboard of these."""
    return build_leaderboard(LeaderboardConfig(resamples=100), Outcome(measured, (), missing))


def test_the_best_stands_first_and_the_others_say_how_far_they_are_behind() -> None:
    """Ranks of 2 against ranks of 4: a half against a quarter, for every click, so without doubt."""
    board = make_board(make_measured("slow", 0.25, rank=4), make_measured("fast", 0.5))
    assert [line.model for line in board.lines] == ["fast", "slow"]
    assert board.lines[0].behind is None
    behind = board.lines[1].behind
    assert behind is not None
    assert (behind.value, behind.low, behind.high) == pytest.approx((-0.25, -0.25, -0.25))


def test_seeds_are_one_line_and_rows_of_their_own() -> None:
    board = make_board(make_measured("lstm", 0.2), make_measured("lstm", 0.3, seed=1))
    (line,) = board.lines
    assert line.seeds == (0, 1)
    assert line.figures["MRR@20"].value == pytest.approx(0.25)
    assert line.figures["MRR@20"].low == pytest.approx(0.24)
    assert line.spread == pytest.approx(0.1)
    assert [(row.seed, row.value) for row in board.rows if row.metric == "MRR@20"] == [(0, 0.2), (1, 0.3)]


def test_a_data_set_is_ordered_and_introduced_as_its_section_says() -> None:
    """By NDCG@10, where `slow` is the better one by its figures; the differences are of NDCG@10 as well."""
    fast, slow = make_measured("fast", 0.5), make_measured("slow", 0.25, rank=4)
    fast[1].result.figures["NDCG@10"] = Interval(0.1, 0.0, 0.2)
    section = DatasetSection("made", "Made up for a test.", ("NDCG@10", "Recall@10"))
    board = build_leaderboard(LeaderboardConfig(datasets=(section,), resamples=100), Outcome((fast, slow), (), ()))
    assert [line.model for line in board.lines] == ["slow", "fast"]
    behind = board.lines[1].behind
    assert behind is not None
    assert behind.value == pytest.approx(1 / np.log2(3) - 1 / np.log2(5))
    page = markdown_page(board, picture=None)
    assert "## made\n\nMade up for a test.\n\n100 predictions" in page
    assert "| model | NDCG@10 | Recall@10 | behind the best | seeds |" in page


def test_the_next_five_clicks_have_a_table_of_their_own() -> None:
    """Where a model has been judged by them."""
    entry, measured = make_measured("fast", 0.5)
    assert "next five clicks |" not in markdown_page(make_board((entry, measured)), picture=None)
    measured.result.figures.update({name: Interval(0.25, 0.2, 0.3) for name in FOLLOWING_FIGURES})
    page = markdown_page(make_board((entry, measured)), picture=None)
    assert "| next five clicks | Recall@5 | Recall@10 | Recall@20 | NDCG@5 | NDCG@10 | NDCG@20 |" in page
    assert "| fast | .2500 | .2500 | .2500 | .2500 | .2500 | .2500 |" in page


def test_rows_of_several_days_and_machines_say_so() -> None:
    board = make_board(make_measured("fast", 0.5), make_measured("slow", 0.3, day="2026-02-01"))
    assert (board.head.machines, board.head.first_day, board.head.last_day) == (
        ("a computer",),
        "2026-01-31",
        "2026-02-01",
    )
    assert "a computer.\n\n2026-01-31 to 2026-02-01 (UTC). 100 resamples" in markdown_page(board, picture=None)


def test_of_errors_the_lowest_is_best() -> None:
    assert [line.model for line in make_board(make_ratings("bad", 1.1), make_ratings("good", 0.9)).lines] == [
        "good",
        "bad",
    ]


def test_the_page_has_every_model_and_says_what_is_missing() -> None:
    entry, _ = make_measured("never", 0.0)
    board = make_board(make_measured("fast", 0.5), make_ratings("good", 0.9), missing=(entry,))
    page = markdown_page(board, picture="board.png")
    assert "## made" in page
    assert "| fast | **.5000** (.4900 to .5100) | **.5000** (.4900 to .5100) |  | 0 |" in page
    assert "| fast | popularity | 2 s |  |  |  | nothing |" in page
    assert "| good | **.9000** (.8000 to 1.0000) | **.9000** (.8000 to 1.0000) | <1 s | nothing |" in page
    assert "1,234" in page
    assert "- made/never/0: not yet" in page
    assert "![" in page


def test_a_name_may_hold_the_sign_that_parts_columns() -> None:
    page = markdown_page(make_board(make_measured("lstm|gru", 0.5)), picture=None)
    assert "| lstm\\|gru | **.5000** (.4900 to .5100) |" in page


def test_what_others_report_stands_beside_and_is_no_row() -> None:
    """On a data set that was measured; elsewhere there is nothing to stand beside."""
    published = tuple(
        Published(dataset, "GRU4Rec", {"Recall@20": 0.7256, "MRR@20": 0.2757}, "its authors")
        for dataset in ("made", "elsewhere")
    )
    config = LeaderboardConfig(resamples=100, published=published)
    board = build_leaderboard(config, Outcome((make_measured("fast", 0.5),), (), ()))
    assert [one.dataset for one in board.published] == ["made"]
    assert not [row for row in board.rows if row.model == "GRU4Rec"]
    assert "| GRU4Rec | .7256 | .2757 | its authors |" in markdown_page(board, picture=None)


def test_the_picture_is_the_same_to_the_byte() -> None:
    board = make_board(make_measured("fast", 0.5), make_measured("slow", 0.3), make_ratings("good", 0.9))
    picture = draw_leaderboard(board)
    assert picture.startswith(b"\x89PNG")
    assert picture == draw_leaderboard(board)
