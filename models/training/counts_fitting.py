"""Live counts fitted for a network: by clicks that it, or one made for the purpose, has not learned.

The recipe is fitted on a validation period, but the network that is served may well have learned all of the training
period: the newest items are in its end. Its judge is then another network of the same configuration, trained without
that end and thrown away once the recipe is found.
"""

from dataclasses import replace

import msgspec

from models.counts.fitting import CountsFit, fit_counts, fit_without_clock
from models.counts.recipe import CountsRecipe
from models.counts.validation_questions import click_columns, draw_questions, has_clock, require_enough
from models.errors import DataError, SettingsError
from models.evaluation.protocol import NetworkScorer
from models.preparation.prepared_data import PreparedData
from models.preparation.prepared_on_disk import PreparedOnDisk
from models.preparation.splitting import Split
from models.sequences.encoded_sessions import EncodedSessions, encode_sessions
from models.sequences.features import Feature
from models.sequences.vocabulary import ItemVocabulary
from models.training.checkpoint import Checkpoint
from models.training.config import TrainingConfig
from models.training.encoded_data import Prepared
from models.training.validation_period import split_validation_off


def tables_to_fit_counts_by(data: Prepared) -> PreparedData:
    """Return data whose tables are in memory, as the fit wants them.

    Raises:
        SettingsError: If they are on disk.
    """
    if isinstance(data, PreparedOnDisk):
        raise SettingsError(
            "Live counts are fitted over all clicks at once, not out of core: leave [live_counts] out, or read the "
            "data whole with --in-memory."
        )
    return data


def fit_by_validation(
    judge: Checkpoint,
    data: PreparedData,
    *,
    most_questions: int,
    delay_ms: int,
    start: CountsRecipe,
    exclude_last: int = 0,
) -> CountsFit:
    """Fit a recipe by the clicks that a network was validated on; without a clock there is nothing to fit.

    Args:
        judge: Trained with a validation period set aside.
        data: What it was trained on; all training clicks are counted, the validation period's too.
        most_questions: Validation clicks to judge by.
        delay_ms: How late the counts will be.
        start: Where to begin, and what is not fitted.
        exclude_last: How many of a user's last clicks will not be listed again.

    Raises:
        DataError: If no validation period was set aside, or it has too few clicks.
    """
    description, vocabulary = judge.description, judge.vocabulary
    if not description.config.validation.share:
        raise DataError(
            "The checkpoint has learned all of the training period, nothing is left to fit counts by: train one with "
            "`--validation-share 0.15 --no-evaluate`, or with `fit = true` under [live_counts]."
        )
    clicks = click_columns(data.train, vocabulary.item_ids)
    if not has_clock(clicks):
        return fit_without_clock(start)
    split = split_validation_off(data, description.config.validation, keep_unknown_items=True)
    questions = draw_questions(
        NetworkScorer(judge.network),
        _encode_asked(data, split, vocabulary, description.features),
        len(vocabulary),
        most=most_questions,
        delay_ms=delay_ms,
        exclude_last=exclude_last,
    )
    return fit_counts(clicks, questions, start)


def fit_as_configured(judge: Checkpoint, data: PreparedData, *, exclude_last: int = 0) -> CountsFit:
    """Fit a recipe as `[live_counts]` of the judge's configuration says; see `fit_by_validation`."""
    section = judge.description.config.live_counts
    return fit_by_validation(
        judge,
        data,
        most_questions=section.questions,
        delay_ms=round(section.delay_s * 1_000),
        start=section.start,
        exclude_last=exclude_last,
    )


def judge_config(config: TrainingConfig) -> TrainingConfig:
    """Return how to train a network that counts can be fitted by: with a validation period, else as configured."""
    if config.validation.share:
        return config
    validation = msgspec.structs.replace(config.validation, share=config.live_counts.validation_share)
    return msgspec.structs.replace(config, validation=validation)


def needs_no_judge(data: PreparedData) -> bool:
    """Tell whether counts are useless whatever a network says: the log has no clock."""
    return not has_clock(click_columns(data.train, data.train["item_id"].unique()))


def require_questions(data: PreparedData, config: TrainingConfig) -> None:
    """Check that there will be enough to fit counts by, if they are fitted: before a network is trained, not after.

    Raises:
        DataError: If there is not.
    """
    if needs_no_judge(data):
        return
    split = split_validation_off(data, judge_config(config).validation, keep_unknown_items=True)
    if split.train.is_empty():
        raise DataError("No click is left before the validation period that live counts are fitted by: shorten it.")
    vocabulary = ItemVocabulary(split.train["item_id"].unique().sort().to_list())
    require_enough(_encode_asked(data, split, vocabulary, ()), len(vocabulary))


def keep_with(checkpoint: Checkpoint, fit: CountsFit) -> Checkpoint:
    """Return a checkpoint that has a recipe, which its artifacts will rank by."""
    return replace(checkpoint, description=msgspec.structs.replace(checkpoint.description, live_counts=fit))


def _encode_asked(
    data: PreparedData, split: Split, vocabulary: ItemVocabulary, features: tuple[Feature, ...]
) -> EncodedSessions:
    """Encode the validation period, with the items that the judge does not know: users click such items too."""
    history = None if data.test_history is None else split.train
    return encode_sessions(split.test, vocabulary, features, history=history)
