import pytest
from prometheus_client import generate_latest

from models.errors import NextclickError
from nextclick.demo import worker_metrics
from nextclick.demo.worker_metrics import counted, require_agreement
from tests.workers.reports import make_report
from workers.events import RejectionReason, Strategy
from workers.metrics import WorkerMetrics


def make_page(*, applied: int = 0, lists: int = 0, dead_letters: int = 0) -> str:
    """A worker's real page."""
    metrics = WorkerMetrics()
    report = make_report(
        applied=applied,
        lists={Strategy.PERSONAL: lists - 1, Strategy.POPULAR: 1} if lists else {},
        dead_letters={RejectionReason.NOT_JSON: dead_letters} if dead_letters else {},
    )
    metrics.observe_batch(report, seconds=0.001, oldest_click_age_s=0.001)
    return generate_latest(metrics.registry).decode()


def test_a_counter_by_its_label() -> None:
    """Names as the worker gives them."""
    page = make_page(applied=7, lists=7)
    assert counted(page, "nextclick_lists") == {"personal": 6.0, "popular": 1.0}
    assert counted(page, "nextclick_clicks")["applied"] == 7.0
    assert counted("", "nextclick_clicks") == {}


def test_agreement_is_waited_for() -> None:
    """The page lags behind the lists: it does not answer, then has 6 of 7, then all."""
    pages = iter([None, make_page(applied=6, lists=6), make_page(applied=7, lists=7)])
    require_agreement(lambda: next(pages), clicks=7)
    assert next(pages, "asked three times") == "asked three times"


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (make_page(applied=6, lists=7), r"\{'applied': 6\} and 7 lists, but 7 clicks"),
        (make_page(applied=7, lists=6), r"\{'applied': 7\} and 6 lists"),
        (make_page(applied=7, lists=7, dead_letters=1), r"'dead_letter': 1"),
        (None, r"clicks \{\} and 0 lists"),
    ],
)
def test_a_worker_that_counts_otherwise_is_an_error(
    page: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One click or list less, a dead letter, or no answer at all: the message has the figures."""
    monkeypatch.setattr(worker_metrics, "AGREE_WITHIN_S", 0.0)
    with pytest.raises(NextclickError, match=said):
        require_agreement(lambda: page, clicks=7)
