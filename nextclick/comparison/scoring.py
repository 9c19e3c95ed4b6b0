"""Artifacts and a recording become outcomes: each model is simulated on the same records, one after another."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from export.artifact import Artifact, Manifest, load_artifact
from models.errors import SettingsError
from nextclick.comparison.pairing import ModelOutcomes
from nextclick.golden.making import list_settings
from nextclick.moments import utc_text
from nextclick.prequential.outcomes import score_recording
from nextclick.printable import printable
from nextclick.recording.description import RecordingHead, RecordingTotals
from nextclick.recording.files import Recording, open_recording
from nextclick.recording.selection import Selection
from nextclick.recording.sources import all_records
from nextclick.simulation.counts_choice import NO_COUNTS, CountsChoice, chosen_snapshots, recorded_lists
from workers.preflight import counts_recipe
from workers.settings import Settings, load_settings

WHOLE = "all of it"
# Yields what is told how many records of a recording were read.
ProgressOf = Callable[[str, Recording], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True)
class LoadedModel:
    """An artifact that takes part.

    Attributes:
        name: What people call it: its folder, with as much of the path as tells it from the others.
        artifact: The model.
        settings: The worker's.
    """

    name: str
    artifact: Artifact
    settings: Settings

    @property
    def manifest(self) -> Manifest:
        """What it says of itself."""
        return self.artifact.manifest

    @property
    def list_settings(self) -> dict[str, str]:
        """The worker's settings that shape a list."""
        return list_settings(self.settings, self.artifact)

    @property
    def has_counts(self) -> bool:
        """Whether a worker ranks it with everyone's clicks."""
        return counts_recipe(self.settings, self.artifact) is not None


@dataclass(frozen=True)
class RecordingFacts:
    """What was recorded.

    Attributes:
        name: The file's.
        head: What it says first.
        totals: What it says last; None where it was not read that far.
        part: Which of its records were meant, in words.
    """

    name: str
    head: RecordingHead
    totals: RecordingTotals | None
    part: str = WHOLE


def load_models(folders: Sequence[Path], *, exclude_seen: bool | None) -> tuple[LoadedModel, ...]:
    """Load the artifacts, the reference first.

    Raises:
        ArtifactError: If one cannot be loaded.
        SettingsError: If there are fewer than two, or the worker's settings are wrong.
    """
    if len(folders) < 2:  # noqa: PLR2004 - a pair
        raise SettingsError("There is nothing to compare with: name two artifacts or more, then the recording.")
    return tuple(
        LoadedModel(
            name, load_artifact(folder), load_settings(artifact=folder, publish="per-click", exclude_seen=exclude_seen)
        )
        for name, folder in zip(names_of(folders), folders, strict=True)
    )


def names_of(folders: Sequence[Path]) -> tuple[str, ...]:
    """Return a name for each: the folder's, with parents where two are called alike, numbered where they are one."""
    resolved = [folder.resolve() for folder in folders]
    names = [printable(folder.name) for folder in resolved]
    depth = 1
    while len(set(names)) < len(set(resolved)):
        depth += 1
        names = [printable("/".join(folder.parts[-depth:])) for folder in resolved]
    times: Counter[str] = Counter()
    numbered = []
    for name in names:
        times[name] += 1
        numbered.append(name if times[name] == 1 else f"{name} ({times[name]})")
    return tuple(numbered)


def part_text(selection: Selection) -> str:
    """Return what a selection leaves of a recording, in words."""
    said = []
    if selection.partitions:
        said.append("partitions " + ", ".join(map(str, sorted(selection.partitions))))
    for partition, offsets in sorted(selection.offsets.items()):
        start, end = ("" if offset is None else offset for offset in (offsets.start, offsets.end))
        said.append(f"offsets {partition}:{start}-{end}")
    if selection.since_ms is not None:
        said.append(f"since {utc_text(selection.since_ms)}")
    if selection.until_ms is not None:
        said.append(f"until {utc_text(selection.until_ms)}")
    if selection.limit is not None:
        said.append(f"the first {selection.limit:,}")
    return ", ".join(said) or WHOLE


def score_models(
    models: Sequence[LoadedModel],
    path: Path,
    selection: Selection,
    progress_of: ProgressOf,
    *,
    counts: CountsChoice = NO_COUNTS,
) -> tuple[tuple[ModelOutcomes, ...], RecordingFacts]:
    """Simulate each model on a recording; return what their lists were worth, and what was recorded.

    Args:
        models: The reference first.
        path: The recording.
        selection: Which of its records.
        progress_of: Told how far each model is.
        counts: Which counts of everyone's clicks lists are ranked with, of those models that have live counts.

    Raises:
        ArtifactError: If a model cannot be served.
        RecordingError: If the recording is damaged, or recorded counts are not those of the lists.
        SettingsError: If counts were chosen and no model has live counts.
    """
    if counts != NO_COUNTS and not any(model.has_counts for model in models):
        raise SettingsError(
            "None of these models is served with live counts (they have no recipe that helps, or NEXTCLICK_LIVE_COUNTS "
            "is false): leave them out."
        )
    outcomes = []
    lists = recorded_lists(counts, open_recording(path).head)
    for number, model in enumerate(models, 1):
        recording = open_recording(path)
        choice = counts if model.has_counts else NO_COUNTS
        snapshots = chosen_snapshots(choice, model.settings, model.artifact, recording.head, lists)
        with progress_of(f"{model.name} ({number} of {len(models)})", recording) as progress:
            frame = score_recording(
                model.artifact,
                model.settings,
                recording.head,
                selection.of(all_records(recording)),
                snapshots=snapshots,
                progress=progress,
            )
        known = frozenset(model.artifact.items["item_id"].to_list())
        trained_until_ms = model.manifest.training_data.last_timestamp_ms
        live_counts = choice.text if model.has_counts else None
        outcomes.append(
            ModelOutcomes(model.name, frame, model.manifest.list_length, known, trained_until_ms, live_counts)
        )
    return tuple(outcomes), RecordingFacts(path.name, recording.head, recording.totals, part_text(selection))
