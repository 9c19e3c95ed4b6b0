"""What is checked before a worker joins its group: the store, the broker, its topics, a port for the pages."""

import importlib.util
import socket
from dataclasses import dataclass

from export.artifact import Artifact
from models.counts.recipe import CountsRecipe
from models.errors import SettingsError, TopicError
from workers.kafka_admin import describe_topics
from workers.settings import Settings


@dataclass(frozen=True)
class TopicLayout:
    """What the worker has to know of its topics.

    Attributes:
        partitions: Of the source topic, of recommendations and of the changelog.
        dead_letter_partitions: Of the dead-letter topic.
    """

    partitions: int
    dead_letter_partitions: int


def check_store(settings: Settings) -> None:
    """Return if the library of the state store is installed.

    Raises:
        SettingsError: If it is not.
    """
    if settings.store == "rocksdb" and importlib.util.find_spec("rocksdict") is None:
        raise SettingsError("store=rocksdb needs rocksdict: install nextclick with its extra `rocksdb`, or use memory.")


def counts_recipe(settings: Settings, artifact: Artifact) -> CountsRecipe | None:
    """Return how a worker counts everyone's clicks; None where it does not."""
    recipe = artifact.manifest.counts
    return None if recipe is None or recipe.useless or not settings.live_counts else recipe


def check_topics(settings: Settings, *, counts: bool) -> TopicLayout:
    """Return the layout of the topics.

    Args:
        settings: They name them.
        counts: Whether everyone's clicks are counted.

    Raises:
        BrokerError: If no broker answers.
        TopicError: If a topic is missing, has another partition count than the clicks, or is the counts topic and has
            more than one.
    """
    source = settings.source_topic
    co_partitioned = (settings.recommendations_topic, settings.changelog_topic)
    names = dict.fromkeys((settings.clicks_topic, source, *co_partitioned, settings.dead_letter_topic))
    if counts:
        names[settings.counts_topic] = None
    found = describe_topics(settings.bootstrap_servers, names, security=settings.kafka_security)
    missing = [name for name in names if name not in found]
    if missing:
        raise TopicError(
            f"{settings.bootstrap_servers} has no topic {' and no topic '.join(missing)}: "
            "make the missing ones with `nextclick topics create`."
        )
    partitions = found[source].partitions
    for name in co_partitioned:
        if found[name].partitions != partitions:
            raise TopicError(
                f"Topic {name} has {found[name].partitions} partitions, {source} has {partitions}: a list and a state "
                f"go to the partition of their click. Delete {name} and run `nextclick topics create`, or name another."
            )
    if counts and found[settings.counts_topic].partitions != 1:
        raise TopicError(
            f"Topic {settings.counts_topic} has {found[settings.counts_topic].partitions} partitions: the order of its "
            "records counts, it needs one. Delete it and run `nextclick topics create`; it is counted anew."
        )
    return TopicLayout(partitions, found[settings.dead_letter_topic].partitions)


def check_web_address(host: str, port: int) -> None:
    """Return if the worker's pages can listen there.

    Raises:
        SettingsError: If something else does, or the host is no address of this machine.
    """
    try:
        # As aiohttp binds: a port whose last connections are still closing is free.
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.create_server((host, port), family=family):
            pass
    except OSError as error:
        raise SettingsError(
            f"Nothing can listen on web_host={host}, web_port={port} ({error.strerror}): "
            "name another port with NEXTCLICK_WEB_PORT, or end what listens there."
        ) from error
