"""What a simulation has come to, for a person and for a machine."""

from collections.abc import Mapping
from dataclasses import dataclass

import typer

from nextclick.simulation.counts_choice import CountsChoice
from nextclick.simulation.pinned_snapshots import PinnedSnapshots
from nextclick.simulation.recorded_lists import RecordedLists
from nextclick.simulation.simulator import SimulatedBatch, SimulationTotals
from nextclick.simulation.snapshots import Snapshots


@dataclass(frozen=True)
class CountsReport:
    """How everyone's clicks entered the lists.

    Attributes:
        choice: What was chosen.
        offered: Whether the model has live counts.
        lists: The published lists, compared with the simulated ones; None where they are not known.
        snapshots: What was ranked with.
    """

    choice: CountsChoice
    offered: bool
    lists: RecordedLists | None
    snapshots: Snapshots | None

    def add(self, batch: SimulatedBatch) -> None:
        """Compare a micro-batch's lists."""
        if self.lists is not None:
            self.lists.compare(batch.lists)

    @property
    def missing_records(self) -> int:
        """How many records of the counts topic were gone when it was recorded."""
        return self.snapshots.missing_records if isinstance(self.snapshots, PinnedSnapshots) else 0

    def values(self) -> Mapping[str, object]:
        """Return it for JSON."""
        if self.lists is None:
            return {"counts": self.choice.text}
        published = {
            "same": self.lists.same,
            "other": self.lists.other,
            "unrecorded": self.lists.unrecorded,
            "again": self.lists.again,
            "missing_counts_records": self.missing_records,
        }
        return {"counts": self.choice.text, "published": published}

    def print(self) -> None:
        """Say it."""
        if self.choice.delay_ms is not None:
            typer.echo(f"Ranked with everyone's clicks, counted from the recording, {self.choice.delay_ms:,} ms late.")
        elif self.offered and self.lists is None:
            typer.echo(
                "Ranked without live counts, which the model has: --counts-delay 60s counts the recorded clicks, "
                "--counts and --lists take what a worker counted."
            )
        if self.lists is not None:
            self._print_published(self.lists)

    def _print_published(self, lists: RecordedLists) -> None:
        typer.echo(
            f"Ranked with the recorded counts: {lists.same:,} lists are the published ones, byte for byte; "
            f"{lists.other:,} are others, {lists.unrecorded:,} were not recorded."
        )
        if lists.again:
            typer.echo(f"{lists.again:,} lists were published again after a crash: the first ones are meant.")
        if self.missing_records:
            typer.echo(
                f"{self.missing_records:,} records of the counts topic were compacted away or deleted before it was "
                "recorded: sums may differ in their last bits, and lack what was deleted."
            )


def print_simulation(totals: SimulationTotals, counts: CountsReport, users: int, elapsed_s: float) -> None:
    """Say what became of all records."""
    lists = ", ".join(f"{count:,} {strategy}" for strategy, count in sorted(totals.lists.items()))
    letters = ", ".join(f"{count:,} {reason}" for reason, count in sorted(totals.dead_letters.items()))
    typer.echo(
        f"{totals.records:,} records in {elapsed_s:.1f} s ({totals.records / elapsed_s:,.0f}/s): "
        f"{totals.lists.total():,} lists ({lists or 'none'}), {totals.dead_letters.total():,} dead letters"
        f"{f' ({letters})' if letters else ''}."
    )
    typer.echo(
        f"{users:,} users; {totals.late:,} late clicks, {totals.unknown_items:,} on items unknown to the model, "
        f"{totals.without_consent:,} without consent."
    )
    counts.print()
    typer.echo(f"Digest of the lists: {totals.digest}")


def simulation_values(
    totals: SimulationTotals, counts: CountsReport, users: int, elapsed_s: float
) -> Mapping[str, object]:
    """Return the same for JSON."""
    return {
        "records": totals.records,
        "lists": dict(totals.lists),
        "dead_letters": dict(totals.dead_letters),
        "without_consent": totals.without_consent,
        "late": totals.late,
        "unknown_items": totals.unknown_items,
        "users": users,
        **counts.values(),
        "digest": totals.digest,
        "elapsed_s": round(elapsed_s, 3),
    }
