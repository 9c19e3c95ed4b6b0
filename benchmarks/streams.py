"""Topics and settings of one round, named like nothing else on the broker."""

import asyncio
import uuid
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from benchmarks.brokers import BrokerChoice
from benchmarks.click_sets import ClickSet
from benchmarks.writing import Record, write_records
from nextclick.topics import PlannedTopic, create_topics, planned_topics
from workers.settings import Settings, load_settings

PARTITIONS = 4
RETENTION_MS = str(7 * 86_400_000)
EMBEDDED_REPLICATION, BROKERS_DEFAULT = 1, -1


@dataclass(frozen=True)
class Stream:
    """The topics of one round.

    Attributes:
        environment: The settings that name them, as a worker's environment.
    """

    environment: dict[str, str]

    @cached_property
    def settings(self) -> Settings:
        """The same settings as ours."""
        return load_settings(
            **{name.removeprefix("NEXTCLICK_").lower(): value for name, value in self.environment.items()}
        )

    def preload(self, clicks: ClickSet, *, first: int = 0) -> None:
        """Write the clicks from number `first` on, and wait for every acknowledgement."""
        records = [
            Record(user % PARTITIONS, key, value)
            for number, (user, key, value) in enumerate(clicks.records())
            if number >= first
        ]
        asyncio.run(write_records(self.settings.bootstrap_servers, self.settings.clicks_topic, records))


def make_stream(address: str, choice: BrokerChoice, artifact: Path, **overrides: object) -> Stream:
    """Create topics of a new name and return the settings for them.

    Args:
        address: The broker.
        choice: What kind of broker it is.
        artifact: The model to serve.
        overrides: Other settings than the worker's defaults.
    """
    name = f"bench-{uuid.uuid4().hex[:8]}"
    chosen: dict[str, object] = {
        "bootstrap_servers": address,
        "app_id": name,
        "artifact": artifact,
        "clicks_topic": f"{name}-clicks",
        "recommendations_topic": f"{name}-recommendations",
        "dead_letter_topic": f"{name}-dead-letter",
        # The embedded broker forms a group only after half of it, and does not wake a fetch that waits for news.
        **({"session_timeout_s": 6, "fetch_wait_ms": 5} if choice.is_embedded else {}),
        **overrides,
    }
    stream = Stream({f"NEXTCLICK_{key.upper()}": str(value) for key, value in chosen.items()})
    create_topics(
        address,
        [_with_retention(topic) for topic in planned_topics(stream.settings)],
        partitions=PARTITIONS,
        replication_factor=BROKERS_DEFAULT if choice.bootstrap_servers is not None else EMBEDDED_REPLICATION,
    )
    return stream


def _with_retention(topic: PlannedTopic) -> PlannedTopic:
    """Name the retention, Kafka's default: Quix Streams asks for it, and the embedded broker tells what it was told."""
    return replace(topic, configs={**topic.configs, "retention.ms": RETENTION_MS})
