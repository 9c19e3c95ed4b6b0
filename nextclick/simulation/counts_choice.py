"""Which counts of everyone's clicks a simulation ranks with, as a person chooses them."""

from dataclasses import dataclass
from pathlib import Path

from export.artifact import Artifact
from models.errors import RecordingError, SettingsError
from nextclick.moments import parse_duration_ms
from nextclick.recording.description import RecordingHead
from nextclick.recording.files import open_recording
from nextclick.simulation.delayed_snapshots import DelayedSnapshots
from nextclick.simulation.pinned_snapshots import PinnedSnapshots
from nextclick.simulation.recorded_lists import RecordedLists
from nextclick.simulation.recorded_time import RecordedTimeDecoder
from nextclick.simulation.snapshots import Snapshots
from workers.preflight import counts_recipe
from workers.settings import Settings


@dataclass(frozen=True)
class CountsChoice:
    """None of it: lists are ranked without live counts.

    Attributes:
        delay_ms: The recorded clicks are counted, and known so much later.
        counts: The recorded counts topic.
        lists: The recorded output topic, whose lists name their snapshots of it.

    Raises:
        SettingsError: If both ways are chosen, or half of one.
    """

    delay_ms: int | None = None
    counts: Path | None = None
    lists: Path | None = None

    def __post_init__(self) -> None:
        if (self.counts is None) != (self.lists is None):
            raise SettingsError("Lists say which counts they were ranked with: name --counts and --lists together.")
        if self.counts is not None and self.delay_ms is not None:
            raise SettingsError("Either the recorded counts, --counts and --lists, or --counts-delay; one of the two.")

    @property
    def text(self) -> str:
        """What was chosen, in a word or two."""
        if self.delay_ms is not None:
            return f"{self.delay_ms} ms late"
        return "none" if self.counts is None else "as recorded"


NO_COUNTS = CountsChoice()


def counts_choice(delay: str | None, counts: Path | None, lists: Path | None) -> CountsChoice:
    """Return what options say.

    Raises:
        DataError: If the delay is no duration.
        SettingsError: If both ways are chosen, or half of one.
    """
    return CountsChoice(None if delay is None else parse_duration_ms(delay), counts, lists)


def recorded_lists(choice: CountsChoice, head: RecordingHead) -> RecordedLists | None:
    """Return the recorded lists of these clicks, read; None where they do not matter.

    Raises:
        RecordingError: If they are damaged, or none are there of these clicks.
    """
    if choice.lists is None:
        return None
    lists = RecordedLists(open_recording(choice.lists), head.topic)
    if not lists.lists:
        raise RecordingError(f"{choice.lists} has no list of a click of {head.topic}: was another topic recorded?")
    return lists


def chosen_snapshots(
    choice: CountsChoice, settings: Settings, artifact: Artifact, head: RecordingHead, lists: RecordedLists | None
) -> Snapshots | None:
    """Return the snapshots to rank with; None: without counts.

    Args:
        choice: Which.
        settings: The worker's.
        artifact: The model.
        head: What the clicks are of.
        lists: `recorded_lists`.

    Raises:
        RecordingError: If the recorded counts cannot be read.
        SettingsError: If counts were chosen and the model is served without them.
    """
    if choice == NO_COUNTS:
        return None
    recipe = counts_recipe(settings, artifact)
    if recipe is None:
        raise SettingsError(
            f"Model {artifact.manifest.model_id} is served without live counts (it has no recipe that helps, or "
            "NEXTCLICK_LIVE_COUNTS is false): leave them out."
        )
    if choice.counts is not None and lists is not None:
        return PinnedSnapshots(lists, open_recording(choice.counts))
    return DelayedSnapshots(recipe, RecordedTimeDecoder(settings, head.recorded_at_ms), delay_ms=choice.delay_ms or 0)
