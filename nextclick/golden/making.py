"""Golden lists made, and held against those that an artifact gives now."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np

from export.artifact import Artifact, load_artifact
from models.errors import RecordingError
from nextclick.file_writing import staged_file
from nextclick.golden.comparison import Comparison, Tolerance, paired
from nextclick.golden.golden_file import FORMAT_VERSION, SUFFIX, GoldenFile, GoldenHead, GoldenWriter, KeptList
from nextclick.published_lists import PublishedList
from nextclick.recording.files import Recording, open_recording
from nextclick.recording.sources import all_records
from nextclick.simulation.counts_choice import NO_COUNTS, CountsChoice, chosen_snapshots, recorded_lists
from nextclick.simulation.simulator import Simulator
from workers.settings import Settings, load_settings

# Told how many records were read so far.
OnProgress = Callable[[int], None]
EXACT = Tolerance()


def make_golden(
    artifact: Path,
    recording: Path,
    golden: Path,
    *,
    exclude_seen: bool | None = None,
    counts: CountsChoice = NO_COUNTS,
    on_progress: OnProgress = lambda _records: None,
) -> GoldenHead:
    """Keep the lists that an artifact gives for a recording.

    Args:
        artifact: The model's folder.
        recording: What `nextclick record` wrote.
        golden: The file; nothing may be there.
        exclude_seen: As the worker's setting.
        counts: Which counts of everyone's clicks lists are ranked with.
        on_progress: Told of the records read.

    Raises:
        ArtifactError: If the artifact cannot be served.
        RecordingError: If the recording is damaged, or the file cannot be written.
    """
    run = _Run(artifact, open_recording(recording), exclude_seen, counts, on_progress)
    with staged_file(golden, (SUFFIX,)) as staging:
        writer = GoldenWriter(staging)
        try:
            for lists in run.lists():
                writer.write(lists)
        except BaseException:
            writer.abort()
            raise
        return writer.finish(run.head())


def check_golden(
    artifact: Path,
    recording: Path,
    golden: Path,
    *,
    tolerance: Tolerance = EXACT,
    exclude_seen: bool | None = None,
    counts: CountsChoice = NO_COUNTS,
    on_progress: OnProgress = lambda _records: None,
) -> "CheckedGolden":
    """Hold the lists that an artifact gives for a recording against golden ones.

    Args:
        artifact: The model's folder; may be another model than the one that made them.
        recording: The one that they were made from.
        golden: What `make_golden` wrote.
        tolerance: What may differ.
        exclude_seen: As the worker's setting.
        counts: Which counts of everyone's clicks lists are ranked with.
        on_progress: Told of the records read.

    Raises:
        ArtifactError: If the artifact cannot be served.
        RecordingError: If a file is damaged, or the golden lists are those of another recording.
    """
    kept = GoldenFile(golden)
    run = _Run(artifact, open_recording(recording), exclude_seen, counts, on_progress)
    _require_same_recording(run.recording, recording, kept.head, golden)
    comparison = Comparison(tolerance)
    for before, after in paired(kept.lists(), (one for lists in run.lists() for one in lists)):
        comparison.add(before, after)
    _require_same_recording(run.recording, recording, kept.head, golden)
    return CheckedGolden(kept.head, run.head(), comparison)


class CheckedGolden:
    """Golden lists and those of now.

    Attributes:
        before: What the golden lists were made from.
        now: What the others were made from.
        comparison: How they differ.
    """

    def __init__(self, before: GoldenHead, now: GoldenHead, comparison: Comparison) -> None:
        self.before = before
        self.now = now
        self.comparison = comparison


class _Run:
    """One simulation of a recording, its lists decoded."""

    def __init__(
        self,
        artifact: Path,
        recording: Recording,
        exclude_seen: bool | None,
        counts: CountsChoice,
        on_progress: OnProgress,
    ) -> None:
        settings = load_settings(artifact=artifact, publish="per-click", exclude_seen=exclude_seen)
        self.recording = recording
        self._artifact = load_artifact(artifact)
        self._settings = {**list_settings(settings, self._artifact), "counts": counts.text}
        head = recording.head
        snapshots = chosen_snapshots(counts, settings, self._artifact, head, recorded_lists(counts, head))
        self._simulator = Simulator(self._artifact, settings, head, snapshots=snapshots)
        self._on_progress = on_progress
        self._lists = 0

    def lists(self) -> Iterator[list[KeptList]]:
        """Yield the lists, as many at a time as a micro-batch has."""
        decode = msgspec.json.Decoder(PublishedList).decode
        records = 0
        for batch in self._simulator.run(all_records(self.recording)):
            lists = [_kept(decode(body)) for body in batch.lists]
            self._lists += len(lists)
            records += batch.report.records
            self._on_progress(records)
            yield lists

    def head(self) -> GoldenHead:
        """Return what the lists were made from, once they have all been made."""
        totals = self.recording.totals
        assert totals is not None  # noqa: S101 - known once all was read
        return GoldenHead(
            FORMAT_VERSION,
            recording_digest=totals.digest,
            records=totals.records,
            topic=self.recording.head.topic,
            model_id=self._artifact.manifest.model_id,
            settings=self._settings,
            lists=self._lists,
            items=(),
        )


def list_settings(settings: Settings, artifact: Artifact) -> dict[str, str]:
    """Return the worker's settings that shape a list, as text."""
    exclude_seen = artifact.manifest.exclude_seen if settings.exclude_seen is None else settings.exclude_seen
    bias = settings.item_bias_file
    return {
        "exclude_seen": str(exclude_seen).lower(),
        "item_bias_file": "none" if bias is None else hashlib.sha256(bias.read_bytes()).hexdigest()[:16],
        "field_map": ",".join(f"{ours}={theirs}" for ours, theirs in sorted(settings.field_map.items())) or "none",
        "max_id_bytes": str(settings.max_id_bytes),
        "max_future_s": str(settings.max_future_s),
        "state_ttl_s": str(settings.state_ttl_s).lower(),
    }


def _kept(published: PublishedList) -> KeptList:
    source = published.source
    scores = np.array(published.scores, dtype=np.float32)
    return KeptList(source.partition, source.offset, published.user_id, published.strategy, published.items, scores)


def _require_same_recording(recording: Recording, path: Path, head: GoldenHead, golden: Path) -> None:
    """Return unless the recording is another one; JSON lines tell only at their end."""
    totals = recording.totals
    if totals is not None and totals.digest != head.recording_digest:
        raise RecordingError(
            f"{golden} has the lists of another recording than {path}: of {head.topic}, {head.records:,} records, "
            f"{head.recording_digest[:16]}, not {totals.digest[:16]}. Name that one, or make the lists again."
        )
