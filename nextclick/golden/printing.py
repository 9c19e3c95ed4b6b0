"""A golden check for a person and for a machine; nothing of a record reaches a terminal unescaped."""

import msgspec
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from nextclick.golden.comparison import Comparison, ListChange
from nextclick.golden.golden_file import KeptList
from nextclick.golden.making import CheckedGolden
from nextclick.printable import printable

# Ranks of a changed list that are shown, from a little above the first difference on.
SHOWN_RANKS = 6
SHOWN_USERS = 5


def print_check(console: Console, checked: CheckedGolden, *, examples: int) -> None:
    """Print how the lists differ, from the sum to single lists."""
    comparison = checked.comparison
    console.print(Text(headline(comparison), "bold green" if comparison.is_passed else "bold red"))
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, text in _rows(checked):
        table.add_row(Text(name, "dim"), Text(text))
    console.print(table)
    for change in comparison.worst[:examples]:
        console.print()
        console.print(_change(change))


def headline(comparison: Comparison) -> str:
    """Return the verdict in a sentence."""
    if not comparison.changed:
        tolerated = f", {comparison.tolerated:,} of them within the tolerance" if comparison.tolerated else ""
        verdict = f"All {comparison.lists:,} lists are the golden ones{tolerated}"
    else:
        verdict = (
            f"{comparison.changed:,} of {comparison.lists:,} lists changed "
            f"({comparison.changed / comparison.lists:.2%}), of {len(comparison.changed_users):,} of "
            f"{len(comparison.users):,} users"
        )
    if comparison.is_passed:
        return f"{verdict}." if not comparison.changed else f"{verdict}: within the tolerance."
    return f"{verdict}: more than may."


def check_as_json(checked: CheckedGolden) -> str:
    """Return all of it as one JSON object."""
    comparison = checked.comparison
    return msgspec.json.encode(
        {
            "passed": comparison.is_passed,
            "lists": comparison.lists,
            "equal": comparison.equal,
            "tolerated": comparison.tolerated,
            "changed": comparison.changed,
            "missing": comparison.missing,
            "added": comparison.added,
            "users": len(comparison.users),
            "changed_users": len(comparison.changed_users),
            "overlap": comparison.overlap,
            "changed_overlap": comparison.changed_overlap,
            "farthest_score_move": comparison.farthest_score_move,
            "first_ranks": {str(rank): lists for rank, lists in sorted(comparison.first_ranks.items())},
            "strategies": {f"{was} to {now}": lists for (was, now), lists in comparison.strategies.items()},
            "model_id": {"before": checked.before.model_id, "now": checked.now.model_id},
            "settings": changed_settings(checked),
            "worst": [_as_object(change) for change in comparison.worst],
        }
    ).decode()


def changed_settings(checked: CheckedGolden) -> dict[str, str]:
    """Return the settings that shape a list and are others now: `then -> now`, by name."""
    before, now = checked.before.settings, checked.now.settings
    return {
        name: f"{before.get(name, 'none')} -> {now.get(name, 'none')}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    }


def _rows(checked: CheckedGolden) -> list[tuple[str, str]]:
    comparison, before, now = checked.comparison, checked.before.model_id, checked.now.model_id
    rows = [("model", before if before == now else f"{before} -> {now}")]
    rows += [(name, change) for name, change in changed_settings(checked).items()]
    if comparison.equal == comparison.lists:
        return rows
    overlap = f"{comparison.overlap:.4f} on average"
    rows.append(("overlap@K", f"{overlap}, {comparison.changed_overlap:.4f} where changed"))
    rows.append(("scores", f"of items in both moved by at most {comparison.farthest_score_move:.6g}"))
    if comparison.first_ranks:
        ranks = ", ".join(f"{rank}: {lists:,}" for rank, lists in sorted(comparison.first_ranks.items()))
        rows.append(("first differing rank", ranks))
    for (was, is_now), lists in comparison.strategies.most_common():
        rows.append(("strategy", f"{was} -> {is_now}: {lists:,}"))
    if comparison.missing or comparison.added:
        rows.append(
            ("clicks", f"{comparison.missing:,} without their list, {comparison.added:,} with one they had not")
        )
    if comparison.changed_users:
        users = comparison.changed_users.most_common(SHOWN_USERS)
        rows.append(("users", ", ".join(f"{printable(user)} ({lists:,})" for user, lists in users)))
    return rows


def _change(change: ListChange) -> Group:
    of = change.of
    title = f"user {printable(of.user_id)}, partition {of.partition}, offset {of.offset}: "
    if change.after is None or change.before is None:
        return Group(Text(title + ("no list any more" if change.after is None else "had no list"), "bold"))
    kept = f"{change.overlap:.0%} of the items kept, scores moved by at most {change.score_move:.6g}"
    table = Table("rank", "golden", "", "now", "", box=None, pad_edge=False, header_style="dim")
    first = max(1, (change.first_rank or 1) - 1)
    last = max(len(change.before.items), len(change.after.items))
    for rank in range(first, min(first + SHOWN_RANKS, last + 1)):
        was, now = _cells(change.before, rank), _cells(change.after, rank)
        style = "" if was[0] == now[0] else "red"
        table.add_row(str(rank), *(Text(text, style) for text in (*was, *now)))
    return Group(Text(title + kept, "bold"), table)


def _cells(kept: KeptList, rank: int) -> tuple[str, str]:
    if rank > len(kept.items):
        return "-", ""
    return printable(kept.items[rank - 1]), f"{kept.scores[rank - 1]:.6g}"


def _as_object(change: ListChange) -> dict[str, object]:
    return {
        "user_id": change.of.user_id,
        "partition": change.of.partition,
        "offset": change.of.offset,
        "first_rank": change.first_rank,
        "overlap": change.overlap,
        "score_move": change.score_move,
        "before": _list_object(change.before),
        "now": _list_object(change.after),
    }


def _list_object(kept: KeptList | None) -> dict[str, object] | None:
    if kept is None:
        return None
    return {"items": kept.items, "scores": kept.scores.tolist(), "strategy": kept.strategy}
