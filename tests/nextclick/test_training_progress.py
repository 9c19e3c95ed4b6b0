import io

from rich.console import Console

from models.evaluation.protocol import EvaluationReport
from models.training.epoch_report import EpochReport
from nextclick.training_progress import ProgressBar, epoch_line


def make_report(*, epoch: int = 3, validation: EvaluationReport | None = None) -> EpochReport:
    """An epoch of 4.2 seconds."""
    return EpochReport(epoch=epoch, loss=3.5, learning_rate=0.1, seconds=4.2, validation=validation)


def test_an_epoch_is_one_line() -> None:
    """Number, loss and time."""
    assert epoch_line(make_report(), "MRR@20") == "Epoch  3  loss 3.5000    4.2 s"


def test_validation_figures_stand_behind_it_each_once() -> None:
    """The metric that is watched first, then Recall@20 and MRR@20."""
    metrics = {"Recall@20": 0.7, "MRR@20": 0.28, "NDCG@5": 0.5}
    report = make_report(validation=EvaluationReport(metrics, predictions=9, sessions=3, unknown_targets=0))
    assert epoch_line(report, "MRR@20").endswith("4.2 s  validation MRR@20 0.2800  Recall@20 0.7000")
    assert epoch_line(report, "NDCG@5").endswith("validation NDCG@5 0.5000  Recall@20 0.7000  MRR@20 0.2800")


def test_the_bar_counts_the_clicks_of_all_epochs() -> None:
    """Two epochs of 1,000 clicks, half of them done."""
    drawn = io.StringIO()
    with ProgressBar(Console(file=drawn, force_terminal=True, width=120), "MRR@20") as progress:
        progress.begin(2, 1000)
        progress.advance(600, 3.25)
        progress.advance(400, 3.125)
        progress.end_epoch(make_report(epoch=1))
    assert "Epoch  1  loss 3.5000" in drawn.getvalue()
    assert "Epoch 2 of 2" in drawn.getvalue()
    assert "1,000 of 2,000 clicks, loss 3.125" in drawn.getvalue()
