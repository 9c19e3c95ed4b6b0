"""What Faust is told: its own settings, from ours."""

from typing import Any
from urllib.parse import quote

from faust.auth import Credentials, SASLCredentials, SSLCredentials
from yarl import URL

from workers.kafka_security import KafkaSecurity
from workers.logs import logging_config
from workers.process import RecommenderWorker
from workers.settings import Settings
from workers.state_tables import StateTableManager
from workers.web_address import canonical_url

# The consumer's for one request, a broker that hangs is given up; the client library's default.
CONNECTION_TIMEOUT_S = 40


def store_url(settings: Settings) -> str:
    """Return which store the user states have."""
    if settings.store == "rocksdb":
        # Quoted: a `#` or `?` in a folder's name means something else in a URL.
        return f"nextclick-rocksdb://{quote(str(settings.state_folder.resolve() / settings.app_id))}"
    # With a host: Faust takes a URL that is a scheme alone for none.
    return "nextclick-memory://user-state"


def faust_options(settings: Settings) -> dict[str, Any]:
    """Return Faust's own settings."""
    return {
        "broker": [URL(f"nextclick://{server.strip()}") for server in settings.bootstrap_servers.split(",")],
        "broker_credentials": _faust_credentials(settings.kafka_security),
        "broker_session_timeout": settings.session_timeout_s,
        "broker_heartbeat_interval": max(1.0, settings.session_timeout_s / 10),
        "broker_request_timeout": max(
            min(settings.request_timeout_s, CONNECTION_TIMEOUT_S), settings.session_timeout_s
        ),
        "broker_commit_interval": settings.commit_interval_s,
        "broker_max_poll_records": settings.max_batch_records,
        "consumer_auto_offset_reset": "earliest",
        "consumer_group_instance_id": settings.group_instance_id,
        "canonical_url": canonical_url(
            web_url=settings.web_url,
            name=settings.group_instance_id,
            host=settings.web_host,
            port=settings.web_port,
        ),
        "key_serializer": "raw",
        "value_serializer": "raw",
        "table_standby_replicas": settings.standby_replicas,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "web_bind": settings.web_host,
        "web_host": settings.web_host,
        "web_port": settings.web_port,
        # Faust's own pages show tables and settings to whoever asks.
        "web_tables_enabled": False,
        "web_router_enabled": False,
        "web_graph_enabled": False,
        "web_stats_enabled": False,
        "web_metrics_enabled": False,
        "TableManager": StateTableManager,
        "Worker": RecommenderWorker,
        "logging_config": logging_config(settings.log_format, settings.log_level),
        "worker_redirect_stdouts": False,
    }


def _faust_credentials(security: KafkaSecurity) -> Credentials | None:
    context = security.ssl_context
    if security.mechanism is not None:
        return SASLCredentials(
            username=security.username, password=security.password, ssl_context=context, mechanism=security.mechanism
        )
    return None if context is None else SSLCredentials(context)
