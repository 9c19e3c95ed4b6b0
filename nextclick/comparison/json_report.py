"""A comparison for a machine: all measures of all slices, as shares between 0 and 1."""

from collections.abc import Sequence
from dataclasses import asdict

import msgspec

from nextclick.comparison.comparing import ComparedModel, Comparison
from nextclick.comparison.disagreement import Disagreement
from nextclick.comparison.figures import ClickFigures
from nextclick.comparison.measures import MEASURES
from nextclick.comparison.scoring import LoadedModel, RecordingFacts
from nextclick.comparison.verdict import sentence

FORMAT_VERSION = 1
POPULAR = "popular list"


def comparison_as_json(comparison: Comparison, models: Sequence[LoadedModel], recording: RecordingFacts) -> bytes:
    """Return all of it as one JSON object, indented."""
    names = [model.name for model in comparison.models]
    said = {
        "nextclick_comparison": FORMAT_VERSION,
        "recording": _recording(recording),
        "models": [_model(*pair) for pair in zip(models, comparison.models, strict=True)],
        "list_length": comparison.list_length,
        "measure": comparison.plan.measure,
        "resamples": comparison.plan.resamples,
        "seed": comparison.plan.seed,
        "first_timestamp_ms": comparison.first_timestamp_ms,
        "last_timestamp_ms": comparison.last_timestamp_ms,
        "verdicts": [
            {
                "model": names[verdict.column],
                "finding": verdict.finding,
                "adjusted_p": verdict.adjusted_p,
                "sentence": sentence(
                    verdict, names[verdict.column], names[0], comparison.whole, comparison.list_length
                ),
            }
            for verdict in comparison.verdicts
        ],
        "whole": _figures(comparison.whole, names),
        "slices": {
            compared.family.key: [
                {"slice": label, **_figures(figures, names)}
                for label, figures in zip(compared.family.labels, compared.figures, strict=True)
            ]
            for compared in comparison.families
        },
        "disagreements": [_disagreement(one, names) for one in comparison.disagreements],
    }
    return msgspec.json.format(msgspec.json.encode(said), indent=2) + b"\n"


def _recording(recording: RecordingFacts) -> dict[str, object]:
    totals = recording.totals
    return {
        "file": recording.name,
        "topic": recording.head.topic,
        "part": recording.part,
        "records": None if totals is None else totals.records,
        "digest": None if totals is None else totals.digest,
    }


def _model(model: LoadedModel, compared: ComparedModel) -> dict[str, object]:
    return {
        "model_id": model.manifest.model_id,
        "model_kind": model.manifest.model_kind,
        "settings": model.list_settings,
        **asdict(compared),
    }


def _figures(figures: ClickFigures, names: Sequence[str]) -> dict[str, object]:
    said: dict[str, object] = {"clicks": figures.clicks, "users": figures.users, "too_small": figures.is_too_small}
    said["models"] = [
        {
            "model": name,
            **{measure.value: figures.value(column, measure) for measure in MEASURES},
            "differences": {
                measure.value: asdict(figures.differences[column, measure])
                for measure in MEASURES
                if (column, measure) in figures.differences
            },
        }
        for column, name in enumerate([*names, POPULAR])
    ]
    return said


def _disagreement(disagreement: Disagreement, names: Sequence[str]) -> dict[str, object]:
    return {"model": names[disagreement.column], **asdict(disagreement)}
