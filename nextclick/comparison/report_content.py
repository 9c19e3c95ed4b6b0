"""What the report's template shows: text and pictures, all numbers already written as a person reads them."""

from collections.abc import Sequence

from models.evaluation.bootstrap import Difference
from nextclick.comparison.comparing import ComparedFamily, ComparedModel, Comparison
from nextclick.comparison.disagreement import LEAST_ITEM_CLICKS, LEAST_ITEM_USERS, Disagreement, ItemChange
from nextclick.comparison.extremes import extreme_slices, extremes_text
from nextclick.comparison.figures import LEAST_CLICKS, LEAST_USERS, ClickFigures
from nextclick.comparison.measures import MEASURES
from nextclick.comparison.notes import doubts_of
from nextclick.comparison.report_pictures import family_pictures, whole_picture
from nextclick.comparison.scoring import LoadedModel, RecordingFacts
from nextclick.comparison.verdict import Finding, percent, points, sentence
from nextclick.moments import utc_text
from nextclick.printable import printable

Content = dict[str, object]
_BADGES = {
    Finding.BETTER: "better",
    Finding.WORSE: "worse",
    Finding.UNCLEAR: "no difference seen",
    Finding.SAME: "the same",
    Finding.TOO_FEW: "too few clicks",
}


def report_content(comparison: Comparison, models: Sequence[LoadedModel], recording: RecordingFacts) -> Content:
    """Return what the template fills in, by name."""
    names = [model.name for model in comparison.models]
    plan = comparison.plan
    return {
        "title": f"{names[1]} against {names[0]}" if len(names) == 2 else f"{len(names) - 1} models against {names[0]}",  # noqa: PLR2004
        "names": names,
        "reference": names[0],
        "measure": f"{plan.measure}@{comparison.list_length}",
        "list_length": comparison.list_length,
        "clicks": f"{comparison.whole.clicks:,}",
        "users": f"{comparison.whole.users:,}",
        "first": utc_text(comparison.first_timestamp_ms),
        "last": utc_text(comparison.last_timestamp_ms),
        "verdicts": _verdicts(comparison, names),
        "doubts": doubts_of(comparison),
        "whole": _whole(comparison, names),
        "families": [_family(comparison, compared, names) for compared in comparison.families],
        "disagreements": [_disagreement(comparison, one, names, models) for one in comparison.disagreements],
        "models": [_model(*pair) for pair in zip(models, comparison.models, strict=True)],
        "settings": _settings(models),
        "recording": _recording(recording),
        "resamples": f"{plan.resamples:,}",
        "seed": plan.seed,
        "least": {
            "clicks": LEAST_CLICKS,
            "users": LEAST_USERS,
            "item_clicks": LEAST_ITEM_CLICKS,
            "item_users": LEAST_ITEM_USERS,
        },
    }


def _verdicts(comparison: Comparison, names: Sequence[str]) -> list[Content]:
    return [
        {
            "finding": verdict.finding.value,
            "badge": _BADGES[verdict.finding],
            "name": names[verdict.column],
            "column": verdict.column,
            "value": points(verdict.difference.value),
            "p_value": _p_text(verdict.adjusted_p),
            "sentence": sentence(verdict, names[verdict.column], names[0], comparison.whole, comparison.list_length),
        }
        for verdict in comparison.verdicts
    ]


def _whole(comparison: Comparison, names: Sequence[str]) -> Content:
    whole = comparison.whole
    rows = [
        {
            "name": name,
            "column": column,
            "popular": column == comparison.popular_column,
            "cells": [
                {"value": percent(whole.value(column, measure)), **_judged(whole.differences.get((column, measure)))}
                for measure in MEASURES
            ],
        }
        for column, name in enumerate([*names, "popular list"])
    ]
    return {
        "measures": [f"{measure}@{comparison.list_length}" for measure in MEASURES],
        "rows": rows,
        "picture": whole_picture(comparison, names),
    }


def _family(comparison: Comparison, compared: ComparedFamily, names: Sequence[str]) -> Content:
    family = compared.family
    return {
        "key": family.key,
        "title": family.title,
        "explanation": family.explanation,
        "pictures": family_pictures(comparison, compared, names),
        "is_long": bool(family.positions),
        "rows": [
            _slice_row(comparison, label, figures)
            for label, figures in zip(family.labels, compared.figures, strict=True)
        ],
        "remarks": _remarks(comparison, compared, names) if family.positions else [],
    }


def _slice_row(comparison: Comparison, label: str, figures: ClickFigures) -> Content:
    measure = comparison.plan.measure
    challengers = [
        {"value": percent(figures.value(column, measure)), **_judged(figures.differences.get((column, measure)))}
        for column in range(1, len(comparison.models))
    ]
    return {
        "label": label,
        "clicks": f"{figures.clicks:,}",
        "users": f"{figures.users:,}",
        "too_small": figures.is_too_small,
        "reference": percent(figures.value(0, measure)),
        "popular": percent(figures.value(comparison.popular_column, measure)),
        "challengers": challengers,
    }


def _judged(difference: Difference | None) -> Content:
    """Return a difference with its interval, and whether that leaves out 0; None is none, or too small to say."""
    if difference is None:
        return {"difference": None, "interval": None, "is_clear": False}
    return {
        "difference": points(difference.value),
        "interval": f"{points(difference.low)} to {points(difference.high)}",
        "is_clear": difference.low > 0 or difference.high < 0,
    }


def _remarks(comparison: Comparison, compared: ComparedFamily, names: Sequence[str]) -> list[str]:
    remarks = []
    for column, name in enumerate(names[1:], 1):
        said = extremes_text(*extreme_slices(compared, column, comparison.plan.measure))
        if said:
            remarks.append(f"{name} {said}.")
    return remarks


def _disagreement(
    comparison: Comparison, disagreement: Disagreement, names: Sequence[str], models: Sequence[LoadedModel]
) -> Content:
    titles = _titles([models[disagreement.column], models[0]])
    clicks = comparison.whole.clicks
    parts = [
        ("both", "both", disagreement.both),
        ("challenger", f"only {names[disagreement.column]}", disagreement.only_challenger),
        ("reference", f"only {names[0]}", disagreement.only_reference),
        ("neither", "neither", disagreement.neither),
    ]
    return {
        "name": names[disagreement.column],
        "column": disagreement.column,
        "parts": [
            {"kind": kind, "label": label, "clicks": f"{count:,}", "share": f"{100 * count / clicks:.2f}"}
            for kind, label, count in parts
        ],
        "both": f"{disagreement.both:,}",
        "higher": f"{disagreement.higher:,}",
        "lower": f"{disagreement.lower:,}",
        "items": [
            {"title": title, "rows": [_item(item, titles) for item in items]}
            for title, items in (("Gains most", disagreement.gained), ("Loses most", disagreement.lost))
        ],
    }


def _item(item: ItemChange, titles: dict[str, str]) -> Content:
    return {
        "id": printable(item.item_id),
        "title": printable(titles.get(item.item_id, "")),
        "clicks": f"{item.clicks:,}",
        "users": f"{item.users:,}",
        "reference": f"{item.reference_hits:,}",
        "challenger": f"{item.challenger_hits:,}",
        "gain": f"{item.gain:+,}".replace("-", "\N{MINUS SIGN}"),
    }


def _titles(models: Sequence[LoadedModel]) -> dict[str, str]:
    titles: dict[str, str] = {}
    for model in models:
        items = model.artifact.items
        if "title" in items.columns:
            named = items.select("item_id", "title").drop_nulls()
            titles.update(zip(named["item_id"].to_list(), named["title"].cast(str).to_list(), strict=True))
    return titles


def _model(model: LoadedModel, compared: ComparedModel) -> Content:
    manifest = model.manifest
    trained = manifest.training_data
    return {
        "name": model.name,
        "facts": [
            ("model id", manifest.model_id),
            ("kind", manifest.model_kind),
            ("items", f"{manifest.item_count:,}"),
            ("list length", str(manifest.list_length)),
            ("trained on", f"{trained.dataset}, {trained.clicks:,} clicks"),
            ("newest training click", utc_text(trained.last_timestamp_ms)),
            ("ranking", manifest.ranking.kind),
            ("live counts", compared.live_counts or "it has none"),
            ("exported by nextclick", manifest.libraries.get("nextclick", "unknown")),
        ],
    }


def _settings(models: Sequence[LoadedModel]) -> list[tuple[str, list[str]]]:
    """Return each setting that shapes a list, with its value by model."""
    by_model = [model.list_settings for model in models]
    return [(name, [settings[name] for settings in by_model]) for name in by_model[0]]


def _recording(recording: RecordingFacts) -> list[tuple[str, str]]:
    head, totals = recording.head, recording.totals
    facts = [
        ("file", recording.name),
        ("compared", recording.part),
        ("topic", f"{printable(head.topic)}, {head.partitions} partitions"),
        ("recorded", utc_text(head.recorded_at_ms)),
    ]
    if totals is None:
        return [*facts, ("identity", "unknown: it was not read to its end")]
    facts += [("records", f"{totals.records:,}"), ("identity", totals.digest)]
    if totals.first_timestamp_ms is not None and totals.last_timestamp_ms is not None:
        first, last = utc_text(totals.first_timestamp_ms), utc_text(totals.last_timestamp_ms)
        facts.append(("records' times", f"{first} to {last}"))
    return facts


def _p_text(p_value: float) -> str:
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"  # noqa: PLR2004 - as p-values are written
