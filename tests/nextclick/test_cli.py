"""The command line as a whole: help worth reading, quick to show, errors as one line."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nextclick.cli import app

COMMANDS = [
    ["broker"],
    ["click"],
    ["config"],
    ["record"],
    ["replay"],
    ["state"],
    ["topics", "create"],
    ["topics", "describe"],
    ["watch"],
    ["worker"],
]
HEAVY = {"torch", "faust", "kafka", "aiokafka", "polars", "onnxruntime", "numpy", "pydantic"}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_has_an_example(command: list[str]) -> None:
    """Each command's help explains itself and shows a command that one can type."""
    result = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert result.exit_code == 0
    assert "Example:" in result.stdout
    assert f"nextclick {' '.join(command)}" in result.stdout


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != ["config"]], ids=" ".join)
def test_the_broker_is_named_alike_everywhere(command: list[str]) -> None:
    """One spelling and one variable, in each command that talks to a broker."""
    shown = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).stdout
    if command == ["broker"]:
        assert "--port" in shown
    else:
        assert "--bootstrap-servers" in shown
        assert "NEXTCLICK_BOOTSTRAP_SERVERS" in shown


def test_help_loads_nothing_heavy() -> None:
    """`nextclick --help` imports none of the libraries that take seconds."""
    script = (
        "import sys\nfrom typer.testing import CliRunner\nfrom nextclick.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    assert not HEAVY & set(loaded)


@pytest.mark.parametrize(
    "arguments",
    [
        ["topics", "create"],
        ["topics", "describe"],
        ["watch"],
        ["click", "ada", "toy story"],
        ["record", "clicks.parquet"],
        ["replay", "clicks.csv"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_no_broker_is_one_line(arguments: list[str], tmp_path: Path) -> None:
    """Exit code 1, one line on stderr that says what to do, nothing on stdout, no stack trace."""
    (tmp_path / "clicks.csv").write_text("user_id,item_id,timestamp_ms\nada,b,1700000002000\n", encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "nextclick", *arguments, "--bootstrap-servers", "127.0.0.1:1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.strip() == (
        "nextclick: No Kafka broker answers at 127.0.0.1:1: start one with `nextclick broker`, "
        "or name another with --bootstrap-servers."
    )


def test_a_listener_that_is_no_broker_is_one_line() -> None:
    """A port that accepts connections and never answers: after the timeout, a sentence about what to check."""
    script = (
        "import sys\nfrom models.errors import BrokerError\nfrom workers.kafka_admin import require_broker\n"
        "try:\n    require_broker(sys.argv[1], timeout_s=0.5)\nexcept BrokerError as error:\n    print(error)\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        # A process of its own: the client library leaves a socket open when it gives up.
        said = subprocess.run(
            [sys.executable, "-c", script, address], check=True, capture_output=True, text=True, timeout=30
        ).stdout
    assert said == (
        f"Something listens at {address}, but it did not answer as a Kafka broker within 0.5 s: "
        "check --bootstrap-servers and the security settings (`nextclick config`).\n"
    )


def test_config_says_where_each_setting_comes_from(tmp_path: Path) -> None:
    """A variable goes before the file, the file before the default, and the password is masked."""
    file = tmp_path / "nextclick.toml"
    login = 'security_protocol = "SASL_PLAINTEXT"\nsasl_mechanism = "PLAIN"\nsasl_username = "ada"\n'
    login += 'sasl_password = "hunter2"\n'
    file.write_text(f'publish = "per-batch"\nweb_port = 7000\n{login}', encoding="utf-8")
    environment = {
        "NEXTCLICK_CONFIG": str(file),
        "NEXTCLICK_WEB_PORT": "8000",
        "NEXTCLICK_FIELD_MAP": "user_id=visitor",
    }
    shown = CliRunner().invoke(app, ["config", "--json"], env=environment, catch_exceptions=False).stdout
    by_name = {setting["name"]: setting for setting in json.loads(shown)}
    assert (by_name["web_port"]["value"], by_name["web_port"]["source"]) == (8000, "NEXTCLICK_WEB_PORT")
    assert (by_name["publish"]["value"], by_name["publish"]["source"]) == ("per-batch", str(file))
    assert (by_name["app_id"]["value"], by_name["app_id"]["source"]) == ("nextclick", "default")
    assert by_name["field_map"]["value"] == {"user_id": "visitor"}
    assert by_name["sasl_password"]["value"] == "**********"
    assert "hunter2" not in shown
    human = CliRunner().invoke(app, ["config"], env=environment, catch_exceptions=False).stdout
    assert "hunter2" not in human
    assert "user_id=visitor" in human


def test_a_speed_that_is_none_is_refused() -> None:
    """0, a negative number and a word are no speed; the option is named."""
    for speed in ("0", "-1", "fast", "nan", "inf"):
        result = CliRunner().invoke(app, ["replay", "clicks.csv", f"--speed={speed}"])
        assert result.exit_code == 2
        assert "--speed" in result.output


def test_a_replay_needs_one_source() -> None:
    """Neither a file nor a data set, or both: the usage is explained."""
    assert CliRunner().invoke(app, ["replay"]).exit_code == 2
    assert CliRunner().invoke(app, ["replay", "clicks.csv", "--dataset", "eshop"]).exit_code == 2
