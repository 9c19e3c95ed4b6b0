"""Topics and settings of this run alone, on the embedded broker or on one that the user names."""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from models.errors import BrokerError
from nextclick.embedded_broker import find_binary
from nextclick.topics import create_topics, planned_topics
from workers.kafka_admin import connected_admin, require_broker
from workers.settings import Settings, load_settings

PARTITIONS = 4
# The embedded broker has one node. Any other is asked for its own default, or `min.insync.replicas` may refuse us.
EMBEDDED_REPLICATION, BROKERS_DEFAULT = 1, -1
SECURITY = ("security_protocol", "ssl_ca_file", "sasl_mechanism", "sasl_username", "sasl_password")


def settings_for_this_run(artifact: Path, bootstrap_servers: str, *, is_embedded: bool) -> Settings:
    """Return settings whose names nobody else uses; of the user's own only the login to a broker of theirs counts.

    Raises:
        SettingsError: If the login's settings do not hold.
    """
    name = f"nextclick-demo-{uuid.uuid4().hex[:8]}"
    own = {} if is_embedded else load_settings(bootstrap_servers=bootstrap_servers).model_dump(exclude_unset=True)
    # Constructed past the environment: what is set there for a worker of the user's must not change the demo's.
    return Settings.model_construct(
        None,
        **{key: value for key, value in own.items() if key in SECURITY},
        bootstrap_servers=bootstrap_servers,
        app_id=name,
        artifact=artifact,
        clicks_topic=f"{name}-clicks",
        recommendations_topic=f"{name}-recommendations",
        dead_letter_topic=f"{name}-dead-letter",
        publish="per-click",
        # The embedded broker does not wake a fetch that waits for news: this bounds every latency.
        fetch_wait_ms=5,
        # A group forms on the embedded broker only after half of it.
        session_timeout_s=6,
        log_level="INFO",
    )


def require_a_broker(bootstrap_servers: str | None) -> None:
    """Return if there will be a broker: nobody wants to hear of it after the training.

    Args:
        bootstrap_servers: The user's; None: the embedded one.

    Raises:
        BrokerError: If there is none.
    """
    if bootstrap_servers is None:
        find_binary()
    else:
        settings = load_settings(bootstrap_servers=bootstrap_servers)
        require_broker(bootstrap_servers, security=settings.kafka_security)


@contextlib.contextmanager
def topics_of_this_run(settings: Settings, *, is_embedded: bool, console: Console) -> Iterator[None]:
    """Create the topics; delete them at the end where the broker goes on living.

    Raises:
        BrokerError: If no broker answers or it refuses.
    """
    plan, security = planned_topics(settings), settings.kafka_security
    created = False
    try:
        create_topics(
            settings.bootstrap_servers,
            plan,
            partitions=PARTITIONS,
            replication_factor=EMBEDDED_REPLICATION if is_embedded else BROKERS_DEFAULT,
            security=security,
        )
        created = True
        yield
    finally:
        if not is_embedded:
            try:
                with connected_admin(settings.bootstrap_servers, security=security) as admin:
                    present = set(admin.list_topics())
                    admin.delete_topics([topic.name for topic in plan if topic.name in present])
            except BrokerError as error:
                # Where not even creating them went well, that error is the one to tell.
                if created:
                    console.print(f"The topics {settings.app_id}-* are still there: {error}", markup=False)
