from pathlib import Path

import pytest
from pydantic import ValidationError

from models.errors import SettingsError
from workers.settings import Settings, load_settings

SECRET = "hunter2"  # noqa: S105 - what must never be printed
LOGIN = {
    "NEXTCLICK_SECURITY_PROTOCOL": "SASL_SSL",
    "NEXTCLICK_SASL_MECHANISM": "SCRAM-SHA-512",
    "NEXTCLICK_SASL_USERNAME": "worker",
    "NEXTCLICK_SASL_PASSWORD": SECRET,
}


def set_environment(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    """`publish="per-batch"` sets NEXTCLICK_PUBLISH."""
    for name, value in variables.items():
        monkeypatch.setenv(f"NEXTCLICK_{name.upper()}", value)


def set_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | bytes) -> Path:
    """Write the file that NEXTCLICK_CONFIG names."""
    path = tmp_path / "nextclick.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    monkeypatch.setenv("NEXTCLICK_CONFIG", str(path))
    return path


def test_defaults_are_a_worker_on_this_machine() -> None:
    """Nothing has to be set, and nothing listens beyond loopback."""
    settings = load_settings()
    assert settings.bootstrap_servers == "127.0.0.1:9092"
    assert settings.web_host == "127.0.0.1"
    assert (settings.source_topic, settings.changelog_topic) == ("clicks", "nextclick-user-state-changelog")


def test_command_line_comes_before_environment_before_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever is nearest decides; None on the command line means not given."""
    set_file(monkeypatch, tmp_path, 'clicks_topic = "file"\nweb_port = 1\nmax_id_bytes = 64\n')
    set_environment(monkeypatch, clicks_topic="environment", web_port="2")
    settings = load_settings(clicks_topic="command-line", web_port=None)
    assert (settings.clicks_topic, settings.web_port, settings.max_id_bytes) == ("command-line", 2, 64)


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files pass variables on that have no value."""
    set_environment(monkeypatch, clicks_topic="", state_ttl_s="")
    assert load_settings().clicks_topic == "clicks"
    assert load_settings().state_ttl_s is None


def test_unknown_variables_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt setting must not be a default in silence."""
    set_environment(monkeypatch, click_topic="x")
    with pytest.raises(SettingsError, match="NEXTCLICK_CLICK_TOPIC is no setting"):
        load_settings()


def test_variables_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The data folder and the tests' own variables share the prefix."""
    set_environment(monkeypatch, data="x", test_broker="x")
    load_settings()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("click_topic = 'x'", "NEXTCLICK_CLICK_TOPIC: is no setting"),
        ("[kafka]\nclicks_topic = 'x'", "NEXTCLICK_KAFKA: is no setting"),
        ("NEXTCLICK_WEB_PORT = 1", "is no setting"),
        ("web_port = ", "nextclick.toml cannot be read as TOML"),
        (b"clicks_topic = '\xff'", "nextclick.toml cannot be read as TOML"),
    ],
)
def test_a_file_that_is_no_settings_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | bytes, message: str
) -> None:
    """Unknown keys, sections and files that are not TOML."""
    set_file(monkeypatch, tmp_path, content)
    with pytest.raises(SettingsError, match=message):
        load_settings()


def test_a_missing_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever names a file wants it read."""
    set_environment(monkeypatch, config=str(tmp_path / "missing.toml"))
    with pytest.raises(SettingsError, match=r"missing.toml cannot be read"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("app_id", "two words"),
        ("app_id", "x" * 81),
        ("publish", "per_click"),
        ("store", "disk"),
        ("web_port", "65536"),
        ("web_port", "http"),
        ("max_batch_records", "0"),
        ("max_id_bytes", "0"),
        ("max_future_s", "-1"),
        ("max_future_s", "9000000000000000"),
        ("state_ttl_s", "0"),
        ("commit_interval_s", "0"),
        ("commit_interval_s", "nan"),
        ("log_level", "LOUD"),
        ("exclude_seen", "perhaps"),
        ("security_protocol", "TLS"),
    ],
)
def test_values_that_cannot_be_are_refused_by_their_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The sentence names what to mend."""
    set_environment(monkeypatch, **{name: value})
    with pytest.raises(SettingsError, match=f"NEXTCLICK_{name.upper()}: .*`nextclick config` lists the settings"):
        load_settings()


def test_all_problems_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line."""
    set_environment(monkeypatch, store="disk", web_port="99999")
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert "NEXTCLICK_STORE" in str(raised.value)
    assert "NEXTCLICK_WEB_PORT" in str(raised.value)
    assert "\n" not in str(raised.value)


# ---- field_map


def test_fields_are_mapped_by_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ours=theirs`, comma separated, spaces do not matter."""
    set_environment(monkeypatch, field_map=" user_id = visitorId, item_id=sku ,")
    assert load_settings().field_map == {"user_id": "visitorId", "item_id": "sku"}


def test_fields_are_mapped_by_a_table_of_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment's map replaces the file's whole, it is not added to it."""
    set_file(monkeypatch, tmp_path, '[field_map]\nuser_id = "visitorId"\n')
    assert load_settings().field_map == {"user_id": "visitorId"}
    set_environment(monkeypatch, field_map="item_id=sku")
    assert load_settings().field_map == {"item_id": "sku"}


@pytest.mark.parametrize(
    "field_map",
    [
        "visitorId=user_id",
        "user_id",
        "user_id=",
        '{"user_id": "visitorId"}',
        "user_id=id,item_id=id",
        "user_id=item_id",
        'user_id=a"b',
    ],
)
def test_maps_that_cannot_be_are_refused(monkeypatch: pytest.MonkeyPatch, field_map: str) -> None:
    """Unknown fields, halves, and two fields that would have one name: a worker would not start, without a word why."""
    set_environment(monkeypatch, field_map=field_map)
    with pytest.raises(SettingsError, match="NEXTCLICK_FIELD_MAP: "):
        load_settings()


# ---- topics


def test_re_keyed_clicks_come_from_a_topic_of_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    """The states are advanced from there, and their changelog is the same."""
    set_environment(monkeypatch, rekey="true", app_id="shop")
    settings = load_settings()
    assert settings.source_topic == settings.rekeyed_topic == "shop-clicks-rekeyed"
    assert settings.changelog_topic == "shop-user-state-changelog"


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("recommendations_topic", "clicks"),
        ("dead_letter_topic", "clicks"),
        ("dead_letter_topic", "recommendations"),
        ("clicks_topic", "nextclick-user-state-changelog"),
        ("recommendations_topic", "nextclick-clicks-rekeyed"),
    ],
)
def test_topics_are_not_shared(monkeypatch: pytest.MonkeyPatch, name: str, topic: str) -> None:
    """A worker that reads what it writes would never come to an end."""
    set_environment(monkeypatch, **{name: topic})
    with pytest.raises(SettingsError, match=f"are both {topic}"):
        load_settings()


# ---- secrets


def test_secrets_are_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by repr, str, JSON or a dump; the clients get them all the same."""
    for name, value in LOGIN.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    printed = [repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())]
    printed += [repr(settings.kafka_security), repr(vars(settings)), f"{settings.sasl_password}"]
    assert not [text for text in printed if SECRET in text]
    assert settings.kafka_security.client_options()["sasl_plain_password"] == SECRET


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NEXTCLICK_SASL_MECHANISM", "GSSAPI"),
        ("NEXTCLICK_SASL_USERNAME", ""),
        ("NEXTCLICK_SECURITY_PROTOCOL", "SSL"),
        ("NEXTCLICK_WEB_PORT", "x"),
        ("NEXTCLICK_NOPE", "x"),
    ],
)
def test_secrets_are_in_no_error(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Whatever else is wrong with the settings."""
    for variable, good in (LOGIN | {name: value}).items():
        monkeypatch.setenv(variable, good)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert SECRET not in str(raised.value)
    assert SECRET not in str(raised.value.__cause__ or "")


def test_a_secret_of_the_wrong_type_is_in_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A password of digits needs quotes in TOML."""
    set_file(monkeypatch, tmp_path, "sasl_password = 4815162342\n")
    with pytest.raises(SettingsError, match="NEXTCLICK_SASL_PASSWORD: ") as raised:
        load_settings()
    assert "4815162342" not in str(raised.value)


def test_settings_are_frozen() -> None:
    """What a worker was told does not change while it runs."""
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().clicks_topic = "other"


def test_every_setting_says_what_it_is() -> None:
    """The README's table and `nextclick config` print these sentences."""
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
