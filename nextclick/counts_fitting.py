"""A checkpoint's validation period, as questions to fit live counts by."""

from models.counts.fitting import CountsFit, fit_counts
from models.counts.recipe import CountsRecipe
from models.counts.validation_questions import click_columns, draw_questions
from models.errors import DataError
from models.evaluation.protocol import NetworkScorer
from models.preparation.prepared_data import PreparedData
from models.sequences.encoded_sessions import encode_sessions
from models.training.checkpoint import Checkpoint
from models.training.validation_period import split_validation_off


def fit_by_validation(
    checkpoint: Checkpoint,
    data: PreparedData,
    *,
    most_questions: int,
    delay_ms: int,
    start: CountsRecipe | None = None,
) -> CountsFit:
    """Fit a recipe by the clicks that a checkpoint was validated on.

    Args:
        checkpoint: Trained with a validation period set aside.
        data: What it was trained on; all training clicks are counted, the validation period's too.
        most_questions: Validation clicks to judge by.
        delay_ms: How late the counts will be.
        start: Where to begin, and what is not fitted; None: the defaults.

    Raises:
        DataError: If no validation period was set aside, or it has too few clicks.
    """
    description = checkpoint.description
    if not description.config.validation.share:
        raise DataError(
            "The checkpoint has learned all of the training period, nothing is left to fit counts by: train one with "
            "`--validation-share 0.15 --no-evaluate`, and export the other one with the recipe."
        )
    split = split_validation_off(data, description.config.validation, keep_unknown_items=True)
    questions = draw_questions(
        NetworkScorer(checkpoint.network),
        encode_sessions(split.test, checkpoint.vocabulary, description.features),
        len(checkpoint.vocabulary),
        most=most_questions,
        delay_ms=delay_ms,
    )
    everyone = click_columns(data.train, checkpoint.vocabulary.item_ids)
    return fit_counts(everyone, questions, CountsRecipe() if start is None else start)
