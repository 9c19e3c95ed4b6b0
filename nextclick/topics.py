"""The topics that a worker needs, made in one go and checked where they are there already.

    clicks, recommendations, changelog, re-keyed clicks    the same number of partitions each
    dead letters                                           any number
    counts                                                 one: the order of its records counts

A list and a state record go to the partition number of their click: that is what lets a consumer join clicks with
lists, and a worker own its users' state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import TopicAlreadyExistsError

from models.errors import TopicError
from workers.kafka_admin import TopicDescription, connected_admin, described_topics
from workers.kafka_security import KafkaSecurity
from workers.record_sizes import CLICK_BYTES, DEAD_LETTER_BYTES
from workers.settings import Settings

DEFAULT_PARTITIONS = 8
# What is older has decayed: a changelog of windows, as Kafka Streams keeps it. What was written in the last hour stays
# as it was written, so that it can be recorded and replayed with the counts that each list was ranked with.
_COUNTS_CONFIGS = {
    "cleanup.policy": "compact,delete",
    "retention.ms": str(2 * 86_400_000),
    "min.compaction.lag.ms": str(3_600_000),
    "max.message.bytes": str(CLICK_BYTES),
}


@dataclass(frozen=True)
class PlannedTopic:
    """A topic that should be there.

    Attributes:
        role: What it is for, in a word or two.
        name: Its name.
        co_partitioned: Whether it needs as many partitions as the click topic.
        partitions: How many it needs where that is its own affair; None: any number.
        configs: What it is created with.
    """

    role: str
    name: str
    co_partitioned: bool = True
    partitions: int | None = None
    configs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TopicReport:
    """A planned topic and what the broker says of it.

    Attributes:
        plan: What should be there.
        found: What is there; None where it is missing.
        created: Whether this call created it.
        configs: The settings that the broker tells; a broker may know fewer than it was given.
    """

    plan: PlannedTopic
    found: TopicDescription | None
    created: bool = False
    configs: Mapping[str, str] = field(default_factory=dict)


def planned_topics(settings: Settings) -> tuple[PlannedTopic, ...]:
    """Return the topics that a worker with these settings reads and writes."""
    clicks = PlannedTopic("clicks", settings.clicks_topic, configs={"max.message.bytes": str(CLICK_BYTES)})
    # A re-keyed click carries headers that say where it came from, a dead letter also says why.
    roomier = {"max.message.bytes": str(DEAD_LETTER_BYTES)}
    rekeyed = (PlannedTopic("clicks, re-keyed", settings.rekeyed_topic, configs=roomier),) if settings.rekey else ()
    return (
        clicks,
        *rekeyed,
        PlannedTopic("recommendations", settings.recommendations_topic),
        PlannedTopic("dead letters", settings.dead_letter_topic, co_partitioned=False, configs=roomier),
        PlannedTopic("user states", settings.changelog_topic, configs={"cleanup.policy": "compact"}),
        PlannedTopic("counts", settings.counts_topic, co_partitioned=False, partitions=1, configs=_COUNTS_CONFIGS),
    )


def create_topics(
    bootstrap_servers: str,
    plan: Sequence[PlannedTopic],
    *,
    partitions: int,
    replication_factor: int,
    security: KafkaSecurity | None = None,
) -> list[TopicReport]:
    """Create those of the topics that are missing; leave the others as they are, once they have been checked.

    Args:
        bootstrap_servers: `host:port`, several with commas between them.
        plan: The topics.
        partitions: Partitions of each.
        replication_factor: Copies of each partition.
        security: How the brokers are talked to; None: plainly.

    Raises:
        BrokerError: If no broker answers, or it refuses to create one.
        TopicError: If one is there with another number of partitions, or user states are not compacted. Nothing has
            been created then.
    """
    with connected_admin(bootstrap_servers, security=security) as admin:
        before = _reports(admin, plan)
        for report in before:
            _require_fit(report, partitions)
        missing = [report.plan for report in before if report.found is None]
        for topic in missing:
            _create(admin, topic, partitions, replication_factor)
        if missing:
            admin.wait_for_topics([topic.name for topic in missing])
        after = _reports(admin, plan)
    return [
        TopicReport(report.plan, report.found, created=report.plan in missing, configs=report.configs)
        for report in after
    ]


def describe_planned_topics(
    bootstrap_servers: str, plan: Sequence[PlannedTopic], *, security: KafkaSecurity | None = None
) -> list[TopicReport]:
    """Return what the broker says of each topic.

    Raises:
        BrokerError: If no broker answers, or it refuses to describe them.
    """
    with connected_admin(bootstrap_servers, security=security) as admin:
        return _reports(admin, plan)


def _reports(admin: KafkaAdminClient, plan: Sequence[PlannedTopic]) -> list[TopicReport]:
    found = described_topics(admin, [topic.name for topic in plan])
    configs = _configs(admin, list(found))
    return [TopicReport(topic, found.get(topic.name), configs=configs.get(topic.name, {})) for topic in plan]


def _configs(admin: KafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the settings of each topic that we plan with, as far as the broker tells them."""
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    described = admin.describe_configs(resources, config_filter="all")["topic"]
    return {
        name: {key: settings[key]["value"] for key in ("cleanup.policy", "max.message.bytes") if key in settings}
        for name, settings in described.items()
    }


def _require_fit(report: TopicReport, partitions: int) -> None:
    if report.found is None:
        return
    name, present = report.plan.name, report.found.partitions
    if report.plan.co_partitioned and present != partitions:
        raise TopicError(
            f"Topic {name} is there with {present} partitions, not {partitions}: run with --partitions {present}, "
            "or delete it first; clicks, lists and states need the same number."
        )
    if report.plan.partitions not in (None, present):
        raise TopicError(
            f"Topic {name} is there with {present} partitions, not {report.plan.partitions}: the order of its records "
            "counts. Delete it first; it is counted anew."
        )
    wanted = report.plan.configs.get("cleanup.policy")
    policy = report.configs.get("cleanup.policy", wanted)
    # Counts may be kept as one likes: what is forgotten of them comes again with the clicks.
    if wanted == "compact" and policy is not None and wanted not in policy.split(","):
        raise TopicError(
            f"Topic {name} is there with cleanup.policy={policy}: it would forget users. "
            f"Set cleanup.policy={wanted} on it, or delete it first."
        )


def _create(admin: KafkaAdminClient, topic: PlannedTopic, partitions: int, replication_factor: int) -> None:
    wanted = {
        "num_partitions": topic.partitions or partitions,
        "replication_factor": replication_factor,
        "configs": dict(topic.configs),
    }
    try:
        admin.create_topics({topic.name: wanted})
    except TopicAlreadyExistsError:
        # Someone else created it since we looked: what counts is what is there.
        (report,) = _reports(admin, [topic])
        _require_fit(report, partitions)
