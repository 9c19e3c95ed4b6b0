"""What a peer is told: the same variables of the environment as the worker."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Surroundings:
    """Broker, topics and model.

    Attributes:
        bootstrap_servers: The broker.
        group: Consumer group, and the prefix of the changelog topic.
        clicks_topic: Clicks in.
        lists_topic: Lists out.
        artifact: The model's folder.
        state_folder: Where a store on disk lies.
    """

    bootstrap_servers: str
    group: str
    clicks_topic: str
    lists_topic: str
    artifact: Path
    state_folder: Path


def read_surroundings() -> Surroundings:
    """Return what the environment says."""
    return Surroundings(
        bootstrap_servers=os.environ["NEXTCLICK_BOOTSTRAP_SERVERS"],
        group=os.environ["NEXTCLICK_APP_ID"],
        clicks_topic=os.environ["NEXTCLICK_CLICKS_TOPIC"],
        lists_topic=os.environ["NEXTCLICK_RECOMMENDATIONS_TOPIC"],
        artifact=Path(os.environ["NEXTCLICK_ARTIFACT"]),
        state_folder=Path(os.environ["NEXTCLICK_STATE_FOLDER"]),
    )
