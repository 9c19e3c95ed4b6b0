"""The worker's settings: one frozen object from the environment and a file, unknown keys refused.

A setting `name` is read from the environment variable `NEXTCLICK_NAME`, else from the TOML file that
`NEXTCLICK_CONFIG` names, else it has the default given here. The README's table is tested against this file.
"""

import os
from collections.abc import Mapping
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from models.errors import SettingsError
from workers.decoding import FIELDS, message_struct
from workers.kafka_security import KafkaSecurity, SaslMechanism, SecurityProtocol
from workers.logs import UserIdsInLogs
from workers.partitioning import Partitioner
from workers.settings_file import CONFIG_VARIABLE, TomlSource

ENVIRONMENT_PREFIX = "NEXTCLICK_"
# Variables of this prefix that are not settings of the worker.
OTHER_VARIABLES = frozenset({CONFIG_VARIABLE, "NEXTCLICK_DATA"})
TEST_PREFIX = "NEXTCLICK_TEST_"


class Settings(BaseSettings):
    """What a worker can be told; units are in the names."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, frozen=True, extra="forbid", env_ignore_empty=True, validate_default=True
    )

    bootstrap_servers: str = Field("127.0.0.1:9092", description="Kafka brokers, `host:port`, comma separated.")
    app_id: str = Field(
        "nextclick",
        pattern=r"^[a-zA-Z0-9._-]{1,80}$",
        description="Consumer group, and the prefix of the changelog topic. Workers of one id share the partitions.",
    )
    artifact: Path = Field(Path("artifacts/model"), description="Folder of the model, as `nextclick export` writes it.")

    clicks_topic: str = Field("clicks", description="Clicks in.")
    recommendations_topic: str = Field("recommendations", description="Lists out; as many partitions as the clicks.")
    dead_letter_topic: str = Field("clicks.dead-letter", description="Records that cannot be used as clicks.")
    rekey: bool = Field(
        default=False,
        description="Clicks are not keyed by user id: send each through an internal topic first, keyed by it.",
    )

    partitioner: Partitioner = Field(
        "murmur2",
        description="How the clicks' producer picks a partition, to find a user who is asked for: `murmur2` (Java, "
        "kafka-python, aiokafka) or `crc32` (librdkafka).",
    )

    publish: Literal["per-click", "per-batch"] = Field(
        "per-click",
        description="`per-click`: every click gets its list. `per-batch`: of several clicks of one user that arrive "
        "together only the newest does, which is what catches up under lag.",
    )
    exclude_seen: bool | None = Field(
        None, description="Leave the user's last items out of the list; unset: as the artifact says."
    )
    item_bias_file: Path | None = Field(
        None, description="CSV `item_id,bias`: added to the item's score; `-inf` makes it unavailable. Read at start."
    )
    field_map: Annotated[Mapping[str, str], NoDecode] = Field(
        default_factory=dict, description="Other names in the click's JSON: `user_id=visitorId,item_id=sku`."
    )
    max_id_bytes: int = Field(512, ge=1, le=32_768, description="Longest user, item, session or event id.")
    # A century at most: event times stay far inside the 8 bytes of a state record.
    max_future_s: int = Field(
        86_400, ge=0, le=3_153_600_000, description="How far a click's time may lie ahead of the worker's clock."
    )
    state_ttl_s: int | None = Field(
        None, ge=1, description="A user who was away for longer, in event time, starts over; unset: nobody does."
    )

    prequential: bool = Field(
        default=True,
        description="Score every click against the list that its user had, and count hits and misses in `/metrics`. "
        "A user who is not among the `hot_users` is ranked once more for it.",
    )

    live_counts: bool = Field(
        default=True,
        description="Rank with what everyone clicks, and count this worker's clicks for all, where the model has a "
        "recipe for it.",
    )
    count_without_consent: bool = Field(
        default=False,
        description="Clicks of users who may not be remembered count too, as everyone's clicks: no one's, but clicks.",
    )

    store: Literal["memory", "rocksdb"] = Field("memory", description="Where user states are between clicks.")
    state_folder: Path = Field(Path("state"), description="Where the RocksDB store lies; each worker its own.")
    standby_replicas: int = Field(
        0, ge=0, le=5, description="Other workers that keep a copy of each partition's states."
    )

    max_batch_records: int = Field(
        512,
        ge=1,
        le=65_536,
        description="Most clicks of one fetch; a micro-batch takes whole fetches until it has as many.",
    )
    batches_in_flight: int = Field(
        4, ge=1, le=64, description="Micro-batches that are computed but not committed yet, at most."
    )
    hot_users: int = Field(
        65_536,
        ge=0,
        le=100_000_000,
        description="Users whose states stay in rows beside the model, the most recently active ones; "
        "others are read from the store.",
    )
    fetch_wait_ms: int = Field(
        20, ge=1, le=5_000, description="How long a broker without news may hold a fetch; some do not answer sooner."
    )
    commit_interval_s: float = Field(
        1.0, gt=0, description="How often offsets are committed; redelivery is bounded by it."
    )
    group_instance_id: str | None = Field(
        None,
        pattern=r"^[a-zA-Z0-9._-]{1,249}$",
        description="A name of this worker's own, kept over restarts: back within the session timeout it gets its "
        "partitions again, and no others move. It does not leave when it stops: its partitions wait for the timeout.",
    )
    session_timeout_s: int = Field(30, ge=1, le=40, description="A worker silent for longer loses its partitions.")
    request_timeout_s: int = Field(
        120, ge=1, description="How long a broker may take to acknowledge, retries included."
    )
    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = Field(
        "none", description="How lists, dead letters and state records are compressed."
    )
    onnx_threads: int = Field(1, ge=1, description="Threads of one inference; more workers beat more threads.")

    web_host: str = Field("127.0.0.1", description="Where the pages listen; loopback unless told otherwise.")
    web_port: int = Field(6066, ge=0, le=65_535, description="Their port.")
    web_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s/?#@]+$",
        description="Where other workers reach them, `http://host:port`, to hand on what they are asked about this "
        "one's users. Unset: `web_host`, or this machine's name where that is every address; of a worker with a "
        "`group_instance_id` nobody knows then, and for it this has to stay the same.",
    )
    web_token: SecretStr | None = Field(
        None,
        min_length=16,
        description="What a caller must send (`Authorization: Bearer ...`) to be told about users, the same for every "
        "worker; at least 16 characters. Without one, only a loopback `web_host` tells.",
    )
    log_format: Literal["text", "json"] = Field("text", description="One line an event, for a person or for a machine.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severe line to print.")
    log_user_ids: UserIdsInLogs = Field(
        "pseudonym", description="How a log names a user: `plain`, by a `pseudonym`, or not at all (`none`)."
    )
    log_user_id_key: SecretStr | None = Field(
        None, description="Key of the pseudonyms; of one key they agree between workers. Unset: each start has its own."
    )

    security_protocol: SecurityProtocol = Field("PLAINTEXT", description="How to talk to the brokers.")
    ssl_ca_file: Path | None = Field(None, description="Authorities that sign the brokers' certificates, PEM.")
    ssl_cert_file: Path | None = Field(
        None, description="Certificate that this client shows to the brokers (mutual TLS), PEM."
    )
    ssl_key_file: Path | None = Field(
        None, description="Its key, PEM, without a password; unset: in the certificate's file."
    )
    sasl_mechanism: SaslMechanism | None = Field(None, description="How to log in.")
    sasl_username: str | None = Field(None, description="Who logs in.")
    sasl_password: SecretStr | None = Field(None, description="Never printed.")

    @field_validator("field_map", mode="before")
    @classmethod
    def _parse_field_map(cls, value: object) -> object:
        if isinstance(value, str):
            pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
            value = {name.strip(): theirs.strip() for name, _, theirs in pairs}
        if isinstance(value, Mapping):
            for name, theirs in value.items():
                if name not in FIELDS or not theirs:
                    raise ValueError(f"{name}={theirs}: write OURS=THEIRS, OURS is one of {', '.join(FIELDS)}")
        return value

    @field_validator("field_map", mode="after")
    @classmethod
    def _check_field_map(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        # Refuses two fields of one name, and names that no JSON field can have.
        message_struct(value)
        return value

    @model_validator(mode="after")
    def _check_security(self) -> "Settings":
        _ = self.kafka_security
        return self

    @model_validator(mode="after")
    def _check_topics(self) -> "Settings":
        topics = {
            "clicks_topic": self.clicks_topic,
            "recommendations_topic": self.recommendations_topic,
            "dead_letter_topic": self.dead_letter_topic,
            "app_id's changelog": self.changelog_topic,
            "app_id's counts": self.counts_topic,
            "app_id's re-keyed topic": self.rekeyed_topic,
        }
        for (name, topic), (other, other_topic) in combinations(topics.items(), 2):
            if topic == other_topic:
                # A worker that reads what it writes never comes to an end.
                raise SettingsError(f"{name} and {other} are both {topic}: each needs a topic of its own.")
        return self

    @property
    def changelog_topic(self) -> str:
        """User states, compacted."""
        return f"{self.app_id}-user-state-changelog"

    @property
    def counts_topic(self) -> str:
        """What everyone clicks, compacted; one partition, so that its offsets are one order."""
        return f"{self.app_id}.counts"

    @property
    def rekeyed_topic(self) -> str:
        """Clicks keyed by user id, where the producer keys them otherwise."""
        return f"{self.app_id}-clicks-rekeyed"

    @property
    def source_topic(self) -> str:
        """The topic that advances states."""
        return self.rekeyed_topic if self.rekey else self.clicks_topic

    @cached_property
    def kafka_security(self) -> KafkaSecurity:
        """Protocol and credentials of every Kafka client."""
        return KafkaSecurity(
            protocol=self.security_protocol,
            ca_file=self.ssl_ca_file,
            cert_file=self.ssl_cert_file,
            key_file=self.ssl_key_file,
            mechanism=self.sasl_mechanism,
            username=self.sasl_username,
            password=None if self.sasl_password is None else self.sasl_password.get_secret_value(),
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line, then environment, then file."""
        return init_settings, env_settings, TomlSource(settings_cls)


def load_settings(**overrides: object) -> Settings:
    """Return the effective settings.

    Args:
        overrides: Settings given on the command line; those that are None were not given.

    Raises:
        SettingsError: If one is unknown, malformed or contradicts another; it names the variable.
    """
    _refuse_unknown_variables()
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from error


def _refuse_unknown_variables() -> None:
    known = {ENVIRONMENT_PREFIX + name.upper() for name in Settings.model_fields} | OTHER_VARIABLES
    for name in sorted(os.environ):
        if name.startswith(ENVIRONMENT_PREFIX) and not name.startswith(TEST_PREFIX) and name not in known:
            raise SettingsError(f"{name} is no setting: `nextclick config` lists them.")


def _sentence(error: ValidationError) -> str:
    problems = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        name = ".".join(str(part) for part in problem["loc"])
        variable = ENVIRONMENT_PREFIX + name.split(".", 1)[0].upper() if name else "settings"
        what = "is no setting" if problem["type"] == "extra_forbidden" else problem["msg"]
        problems.append(f"{variable}: {what}")
    return "; ".join(problems) + ". `nextclick config` lists the settings."
