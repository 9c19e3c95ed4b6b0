"""Decides which dead letters are sent again, and where to."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from models.errors import TopicError
from nextclick.dead_letters import DeadLetter
from nextclick.redrive_marks import redriven_click
from nextclick.topics import PlannedTopic, describe_planned_topics
from workers.events import OutgoingRecord, RejectionReason
from workers.record_sizes import CLICK_BYTES
from workers.settings import Settings
from workers.unreadable_states import UNREADABLE_STATE


class Fate(StrEnum):
    """What becomes of a letter that is meant."""

    SENT = "sent"
    ALREADY_REDRIVEN = "already_redriven"
    OTHER_TOPIC = "other_topic"  # not one of this worker's click topics
    NO_PARTITION = "no_partition"  # the click topic has fewer than it had
    TOO_LARGE = "too_large"  # with the header that says where it was
    NOT_A_CLICK = "not_a_click"  # a user's state
    LEFT_OUT = "left_out"  # the record itself: it was too large to be set aside


# What keeps a letter from being sent although it should be.
UNSENDABLE = (Fate.OTHER_TOPIC, Fate.NO_PARTITION, Fate.TOO_LARGE)
# By reason: letters that do not hold a record of the click topic.
NEVER_SENT: Mapping[str, Fate] = {
    UNREADABLE_STATE: Fate.NOT_A_CLICK,
    RejectionReason.RECORD_TOO_LARGE: Fate.LEFT_OUT,
}


@dataclass(frozen=True)
class Target:
    """A topic that records are sent to."""

    partitions: int
    largest_batch: int


class LetterSelector:
    """Decides what becomes of a letter.

    Args:
        targets: The topics that records may be sent to.
        to_topic: The one that all go to; None: each to its own.
        redriven: Identities of the records that were sent again; those that are now decided on are added.
    """

    def __init__(self, targets: Mapping[str, Target], to_topic: str | None, redriven: set[str]) -> None:
        self._targets = targets
        self._to_topic = to_topic
        self._redriven = redriven

    def topic_of(self, letter: DeadLetter) -> str:
        """Return where the letter's record goes."""
        return self._to_topic or letter.source.topic

    def decide(self, letter: DeadLetter) -> Fate:
        """Return what becomes of a letter; the second one of the same record is not sent."""
        if letter.reason in NEVER_SENT:
            return NEVER_SENT[letter.reason]
        target = self._targets.get(self.topic_of(letter))
        if target is None:
            return Fate.OTHER_TOPIC
        if letter.identity in self._redriven:
            return Fate.ALREADY_REDRIVEN
        if letter.source.partition >= target.partitions:
            return Fate.NO_PARTITION
        click = redriven_click(letter, self.topic_of(letter))
        if _batch_bytes(click) > target.largest_batch:
            return Fate.TOO_LARGE
        self._redriven.add(letter.identity)
        return Fate.SENT


def redrive_targets(settings: Settings, to_topic: str | None) -> dict[str, Target]:
    """Return the topics that records may be sent to, as the broker has them.

    Raises:
        TopicError: If one is not there: sending to it could create it, with partitions of the broker's choice.
    """
    names = dict.fromkeys((settings.clicks_topic, settings.source_topic) if to_topic is None else (to_topic,))
    plan = [PlannedTopic("clicks", name) for name in names]
    reports = describe_planned_topics(settings.bootstrap_servers, plan, security=settings.kafka_security)
    targets = {}
    for report in reports:
        if report.found is None:
            raise TopicError(
                f"There is no topic {report.plan.name} at {settings.bootstrap_servers}: "
                "make it with `nextclick topics create`."
            )
        largest = int(report.configs.get("max.message.bytes", CLICK_BYTES))
        targets[report.plan.name] = Target(report.found.partitions, largest)
    return targets


def _batch_bytes(record: OutgoingRecord) -> int:
    """Return an upper bound, by some bytes, of a batch that holds this record alone."""
    size: int = DefaultRecordBatchBuilder.estimate_size_in_bytes(record.key, record.value, list(record.headers))
    return size
