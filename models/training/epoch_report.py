"""What one epoch did, as progress, checkpoints and reports tell it."""

from collections.abc import Sequence

import msgspec

from models.evaluation.protocol import EvaluationReport
from models.training.augmentation import AugmentationReport


class EpochReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one epoch did.

    Attributes:
        epoch: Counted from 1.
        loss: Mean loss of a click, with dropout on; cross-entropy in nats. None: the network was counted, not trained.
        learning_rate: Of the epoch's last batch; None as well.
        seconds: Wall clock, validation left out.
        validation: The figures on the validation period, where there is one.
        augmentation: What was changed of the training sessions, where something was.
    """

    epoch: int
    loss: float | None
    learning_rate: float | None
    seconds: float
    validation: EvaluationReport | None
    augmentation: AugmentationReport | None = None


def best_epoch(history: Sequence[EpochReport], metric: str) -> int:
    """Return the epoch whose weights training ended with: the first best by the metric, else the last one."""
    validated = [(report.validation.metrics[metric], -report.epoch) for report in history if report.validation]
    return -max(validated)[1] if validated else history[-1].epoch
