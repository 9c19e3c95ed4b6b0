"""What `nextclick simulate --prequential` keeps, draws and prints."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from export.artifact import Artifact
from nextclick.file_writing import require_free_place, staged_file
from nextclick.prequential.outcomes import Outcomes
from nextclick.prequential.printing import as_values, figures_table
from nextclick.simulation.simulator import SimulatedBatch

OUTCOME_SUFFIXES = (".parquet",)


class PrequentialReport:
    """Collects the outcomes of a simulation.

    Args:
        artifact: The model.
        out: Where the outcomes go; None: nowhere.
        plot: Where they are drawn; None: nowhere.

    Raises:
        RecordingError: If something is at one of these places.
        ModuleNotFoundError: If they are to be drawn and the extra `report` is not installed.
    """

    def __init__(self, artifact: Artifact, *, out: Path | None, plot: Path | None) -> None:
        self._artifact = artifact
        self._out = out
        self._plot = plot
        self._outcomes = Outcomes()
        # Now, not after minutes of simulation.
        if out is not None:
            require_free_place(out, OUTCOME_SUFFIXES)
        if plot is not None:
            from nextclick.prequential.plot import SUFFIXES  # noqa: PLC0415, an extra

            require_free_place(plot, SUFFIXES)

    def add(self, batch: SimulatedBatch) -> None:
        """Take a micro-batch."""
        self._outcomes.add(batch)

    def write(self) -> None:
        """Keep and draw what was asked for.

        Raises:
            RecordingError: If a file cannot be written, or nothing can be drawn.
        """
        outcomes = self._outcomes.frame()
        if self._out is not None:
            with staged_file(self._out, OUTCOME_SUFFIXES) as staging:
                outcomes.write_parquet(staging, compression="zstd")
        if self._plot is not None:
            from nextclick.prequential.plot import plot_over_time  # noqa: PLC0415, an extra

            manifest = self._artifact.manifest
            plot_over_time(outcomes, self._plot, model_id=manifest.model_id, list_length=manifest.list_length)

    def values(self) -> Mapping[str, object]:
        """Return the figures for JSON."""
        return as_values(self._artifact, self._outcomes.frame())

    def print(self) -> None:
        """Print the figures."""
        console = Console()
        console.print()
        console.print(figures_table(self._artifact, self._outcomes.frame()))
