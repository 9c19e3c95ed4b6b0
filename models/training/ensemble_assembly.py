"""Puts networks that were trained apart into one ensemble, without training any of them again."""

import time
from collections.abc import Sequence

import msgspec

from models.errors import SettingsError
from models.evaluation.protocol import evaluate_network
from models.networks.ensemble import EnsembleConfig, EnsembleNetwork, Member, MemberConfig, MemberSection, ensemble_of
from models.networks.kinds import kind_of
from models.preparation.click_parts import IS_TEST, among
from models.training.checkpoint import Checkpoint, library_versions
from models.training.encoded_data import Prepared, encode_validation, training_clicks
from models.training.ensemble_weights import fit_weights
from models.training.epoch_report import EpochReport
from models.training.validation_period import set_validation_aside


def assemble(
    checkpoints: Sequence[Checkpoint],
    data: Prepared,
    *,
    weights: Sequence[float] | None = None,
    exclude_last: int = 0,
) -> Checkpoint:
    """Make one checkpoint of several.

    Args:
        checkpoints: The members, trained on the same clicks of one data set, with the same features.
        data: That data set.
        weights: What they weigh; None: fitted on the validation period that all of them left out.
        exclude_last: How many of a user's last clicks are not listed again in the figures on that period.

    Returns:
        A checkpoint without metrics. Of its configuration only the network and the validation period speak for all.

    Raises:
        SettingsError: If they do not belong together, or there is no period to fit weights on.
    """
    first = checkpoints[0]
    sections, members = [], []
    for checkpoint in checkpoints:
        section, member = _member(checkpoint, first)
        sections.append(section)
        members.append(member)
    ensemble = ensemble_of(_config(sections), members[0].inputs, members).eval()
    history: tuple[EpochReport, ...] = ()
    if weights is None:
        history = (_fit(ensemble, first, data, exclude_last),)
    elif len(weights) == len(members):
        ensemble.weigh(weights)
    else:
        raise SettingsError(f"There are {len(weights)} weights for {len(members)} members: give one for each.")
    description = msgspec.structs.replace(
        first.description,
        network=ensemble.config,
        config=msgspec.structs.replace(first.description.config, network=ensemble.config),
        history=history,
        metrics={},
        # A recipe is fitted to the scores of one network.
        live_counts=None,
        libraries=library_versions(),
    )
    return Checkpoint(ensemble, first.vocabulary, first.popularity, data.catalogue, description)


def _config(sections: Sequence[MemberSection]) -> EnsembleConfig:
    try:
        return EnsembleConfig(tuple(sections))
    except ValueError as error:
        raise SettingsError(f"These members make no ensemble: {error}") from error


def _member(checkpoint: Checkpoint, first: Checkpoint) -> tuple[MemberSection, Member]:
    """Return a checkpoint's part of the ensemble, or say why it cannot be one."""
    description, network = checkpoint.description, checkpoint.network
    if not isinstance(description.network, MemberConfig) or not isinstance(network, Member):
        raise SettingsError(f"A network of kind {kind_of(description.network)} cannot be a member of an ensemble.")
    for name in ("training_data", "vocabulary_digest", "features", "session_rule"):
        if getattr(description, name) != getattr(first.description, name):
            raise SettingsError(
                f"The members do not belong together, their `{name}` differs: train them on the same clicks, with the "
                "same features and the same [validation]."
            )
    return MemberSection(description.network), network


def _fit(ensemble: EnsembleNetwork, first: Checkpoint, data: Prepared, exclude_last: int) -> EpochReport:
    """Fit the weights on what the members left out; report the figures there."""
    began = time.perf_counter()
    description = first.description
    section = description.config.validation
    if not section.share:
        raise SettingsError(
            "The members learned all clicks, none are left to fit weights on: give the weights that were fitted for "
            "members with a validation period (`share` above 0 under [validation]), or train such members."
        )
    with training_clicks(data) as prepared:
        clicks = set_validation_aside(prepared, data.description, section)
        learned = sum(table.filter(among("train")).height for table in clicks.columns(IS_TEST))
        if learned != description.training_data.clicks:
            raise SettingsError(
                f"The members learned {description.training_data.clicks:,} clicks, of this data it would be "
                f"{learned:,}: give the data set that they were trained on."
            )
        validation = encode_validation(data, clicks, first.vocabulary, description.features)
    ensemble.weigh(fit_weights(ensemble, validation))
    seconds = time.perf_counter() - began
    figures = evaluate_network(ensemble, validation, exclude_last=exclude_last)
    return EpochReport(epoch=1, loss=None, learning_rate=None, seconds=seconds, validation=figures)
