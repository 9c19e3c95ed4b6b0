"""What a reader must know to believe a comparison, in sentences."""

from nextclick.comparison.comparing import ComparedModel, Comparison
from nextclick.printable import printable
from nextclick.simulation.counts_choice import NO_COUNTS

# Of a gain: more than this from one item is that item's rather than the model's.
_LARGE_SHARE = 0.5


def doubts_of(comparison: Comparison) -> list[str]:
    """Return what makes these figures other than they look."""
    return [
        *_without_counts(comparison),
        *_seen_before(comparison),
        *_left_out(comparison),
        *_of_one_item(comparison),
    ]


def how_to_read(comparison: Comparison) -> list[str]:
    """Return what the figures mean, for a reader who has nothing but the terminal."""
    notes = [
        f"In brackets: the difference to {comparison.models[0].name} in points, and its 95 % interval.",
        "Of twenty slices without a difference, about one looks as if it had one.",
    ]
    counted = [f"{model.name} ({model.live_counts})" for model in comparison.models if _has_counts(model)]
    if counted:
        notes.append(f"Ranked with everyone's clicks of the moment: {', '.join(counted)}.")
    if len(comparison.verdicts) > 1:
        notes.append(
            f"The verdicts are corrected for {len(comparison.verdicts)} challengers (Holm), the intervals are not."
        )
    return notes


def _has_counts(model: ComparedModel) -> bool:
    return model.live_counts not in {None, NO_COUNTS.text}


def _without_counts(comparison: Comparison) -> list[str]:
    names = [model.name for model in comparison.models if model.live_counts == NO_COUNTS.text]
    if not names:
        return []
    said = (
        f"Ranked without live counts, with which a worker serves them: {', '.join(names)}. --counts-delay 60s counts "
        "the recorded clicks, --counts and --lists take what workers counted."
    )
    return [said]


def _seen_before(comparison: Comparison) -> list[str]:
    return [
        f"{model.seen_share:.1%} of these clicks are from the time that {model.name} was trained on: "
        "it may know them by heart, and its figures are too good."
        for model in comparison.models
        if model.seen_share
    ]


def _left_out(comparison: Comparison) -> list[str]:
    doubts = []
    for model in comparison.models:
        left_out = model.opportunities - comparison.whole.clicks
        if left_out:
            doubts.append(
                f"Left out, because another model had no list for them: {left_out:,} of {model.name}'s "
                f"{model.opportunities:,} clicks. Its settings differ, or it failed on a record."
            )
    least = comparison.list_length
    longer = [model.name for model in comparison.models if model.list_length > least]
    if longer:
        doubts.append(f"The lists of {', '.join(longer)} were cut to {least}, the length of the shortest.")
    return doubts


def _of_one_item(comparison: Comparison) -> list[str]:
    """Return which challengers owe most of their gain or loss to one item, which users alone do not tell.

    Users are what is resampled, so the intervals are about other users on the same items: not about other items.
    """
    said = []
    for one, verdict in zip(comparison.disagreements, comparison.verdicts, strict=True):
        gain = one.only_challenger - one.only_reference
        items = one.gained if gain > 0 else one.lost
        if verdict.is_clear and items and abs(items[0].gain) > _LARGE_SHARE * abs(gain):
            item, rest = items[0], gain - items[0].gain
            name, reference = comparison.models[one.column].name, comparison.models[0].name
            said.append(
                f"{name} against {reference}: {_signed(gain)} clicks found in all, {_signed(item.gain)} of one item, "
                f"{printable(item.item_id)}, and {_signed(rest)} of all others. The intervals are about other users "
                "with the same items; with other items it may look otherwise."
            )
    return said


def _signed(count: int) -> str:
    return f"{count:+,}".replace("-", "\N{MINUS SIGN}") if count else "0"
