"""A worker that cannot start says why in one line, with what to do, and ends with exit code 1."""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import msgspec
import polars as pl
import pytest
import structlog

from export.artifact import ITEMS_FILE, MANIFEST_FILE, RANK_FILE, STEP_FILE, Artifact
from nextclick.__main__ import main
from nextclick.free_ports import free_port
from nextclick.topics import create_topics, planned_topics
from tests.integration.harness import FAUST_WORKER, NEXTCLICK_WORKER, make_stream, plan_stream
from workers.settings import ENVIRONMENT_PREFIX

pytestmark = pytest.mark.broker

START_TIMEOUT_S = 60


class Surroundings(NamedTuple):
    """Everything that a worker needs, whole; a case breaks one thing.

    Attributes:
        broker: A broker.
        artifact: An artifact.
        folder: For what is broken.
        taken_port: Where something else listens.
    """

    broker: str
    artifact: Artifact
    folder: Path
    taken_port: int


class Case(NamedTuple):
    """What is broken, and what the line must say: what, where, and the remedy."""

    environment: Mapping[str, object]
    says: Sequence[str]


def artifact_missing(_: Surroundings) -> Case:
    """The folder that the setting names is not there."""
    return Case({"artifact": "/not/there"}, ["no artifact at /not/there", "nextclick export"])


def artifact_half_written(around: Surroundings) -> Case:
    """One of the graphs is not there."""
    folder = Path(shutil.copytree(around.artifact.folder, around.folder / "half"))
    (folder / RANK_FILE).unlink()
    return Case({"artifact": folder}, [str(folder), "rank.onnx is missing", "export the model again"])


def artifact_tampered(around: Surroundings) -> Case:
    """One byte of a graph is another one."""
    folder = Path(shutil.copytree(around.artifact.folder, around.folder / "tampered"))
    graph = bytearray((folder / STEP_FILE).read_bytes())
    graph[len(graph) // 2] ^= 1
    (folder / STEP_FILE).write_bytes(graph)
    return Case({"artifact": folder}, [str(folder / STEP_FILE), "is not the file", "export the model again"])


def artifact_of_a_newer_format(around: Surroundings) -> Case:
    """A later version wrote it, with a manifest of another shape."""
    folder = Path(shutil.copytree(around.artifact.folder, around.folder / "newer"))
    (folder / MANIFEST_FILE).write_bytes(b'{"format_version": 99, "graphs": []}')
    return Case({"artifact": folder}, [str(folder), "format 99", "upgrade nextclick"])


def artifact_of_other_items(around: Surroundings) -> Case:
    """The catalogue is another one, and every hash was renewed but the vocabulary's."""
    folder = Path(shutil.copytree(around.artifact.folder, around.folder / "other-items"))
    around.artifact.items.with_columns(pl.col("item_id").str.replace("item", "thing")).write_parquet(
        folder / ITEMS_FILE
    )
    digest = hashlib.sha256((folder / ITEMS_FILE).read_bytes()).hexdigest()
    manifest = around.artifact.manifest
    unnamed = msgspec.structs.replace(manifest, files={**manifest.files, ITEMS_FILE: digest})
    named = msgspec.structs.replace(unnamed, model_id=unnamed.computed_model_id())
    (folder / MANIFEST_FILE).write_bytes(msgspec.json.encode(named))
    return Case({"artifact": folder}, [str(folder / ITEMS_FILE), "does not hold the items", "export it again"])


def broker_not_up(_: Surroundings) -> Case:
    """Nothing listens there."""
    address = f"127.0.0.1:{free_port()}"
    return Case({"bootstrap_servers": address}, [f"No Kafka broker answers at {address}", "nextclick broker"])


def topics_missing(around: Surroundings) -> Case:
    """Nobody has made this worker's topics."""
    stream = plan_stream(around.broker, around.artifact.folder, f"unmade-{uuid.uuid4().hex[:8]}")
    return Case(
        stream.settings.model_dump(include={"app_id", "clicks_topic"}),
        [f"no topic {stream.settings.clicks_topic}", "nextclick topics create"],
    )


def recommendations_of_other_partitions(around: Surroundings) -> Case:
    """Three partitions, the clicks have two."""
    return _other_partitions(around, "recommendations")


def changelog_of_other_partitions(around: Surroundings) -> Case:
    """Three partitions, the clicks have two."""
    return _other_partitions(around, "user states")


def _other_partitions(around: Surroundings, role: str) -> Case:
    settings = plan_stream(around.broker, around.artifact.folder, f"uneven-{uuid.uuid4().hex[:8]}").settings
    for topic in planned_topics(settings):
        create_topics(around.broker, [topic], partitions=3 if topic.role == role else 2, replication_factor=1)
    names = {topic.role: topic.name for topic in planned_topics(settings)}
    return Case(
        settings.model_dump(include={"app_id", "clicks_topic", "recommendations_topic", "dead_letter_topic"}),
        [f"Topic {names[role]} has 3 partitions, {settings.clicks_topic} has 2", "nextclick topics create"],
    )


def unknown_variable(_: Surroundings) -> Case:
    """A slip of the finger."""
    return Case({"web_prot": 6066}, ["NEXTCLICK_WEB_PROT is no setting", "nextclick config"])


def setting_out_of_range(_: Surroundings) -> Case:
    """No micro-batch has no record."""
    return Case({"max_batch_records": 0}, ["NEXTCLICK_MAX_BATCH_RECORDS", "greater than or equal to 1"])


def config_file_that_is_no_toml(around: Surroundings) -> Case:
    """The file is YAML."""
    path = around.folder / "worker.yaml"
    path.write_text("publish: per-batch\n", encoding="utf-8")
    return Case({"config": path}, [f"NEXTCLICK_CONFIG={path} cannot be read as TOML", "line 1"])


def config_file_with_an_unknown_key(around: Surroundings) -> Case:
    """The file has a setting that there is not."""
    path = around.folder / "worker.toml"
    path.write_text('pubish = "per-batch"\n', encoding="utf-8")
    return Case({"config": path}, ["NEXTCLICK_PUBISH: is no setting", "nextclick config"])


def item_bias_missing(_: Surroundings) -> Case:
    """The file that the setting names is not there."""
    return Case({"item_bias_file": "/not/there.csv"}, ["item_bias_file=/not/there.csv cannot be read"])


def web_port_taken(around: Surroundings) -> Case:
    """Another program listens there."""
    return Case({"web_port": around.taken_port}, [f"web_port={around.taken_port}", "in use", "NEXTCLICK_WEB_PORT"])


CASES: Mapping[str, Callable[[Surroundings], Case]] = {
    case.__name__: case
    for case in (
        artifact_missing,
        artifact_half_written,
        artifact_tampered,
        artifact_of_a_newer_format,
        artifact_of_other_items,
        broker_not_up,
        topics_missing,
        recommendations_of_other_partitions,
        changelog_of_other_partitions,
        unknown_variable,
        setting_out_of_range,
        config_file_that_is_no_toml,
        config_file_with_an_unknown_key,
        item_bias_missing,
        web_port_taken,
    )
}
# As processes of their own, one case for each moment at which a start can end; a second of imports each.
MOMENTS = ("artifact_tampered", "topics_missing", "web_port_taken")
STARTS = [(name, command) for name in MOMENTS for command in (NEXTCLICK_WORKER, FAUST_WORKER)]


class Broken(NamedTuple):
    """A case and the whole environment of its worker."""

    case: Case
    environment: Mapping[str, str]


@pytest.fixture(scope="module")
def broken(
    broker: str, tiny_artifact: Artifact, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Broken]]:
    """Break one thing for every case."""
    whole = make_stream(broker, tiny_artifact.folder, f"whole-{uuid.uuid4().hex[:8]}").environment
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        around = Surroundings(broker, tiny_artifact, tmp_path_factory.mktemp("broken"), taken_port=port)
        cases = {name: make(around) for name, make in CASES.items()}
        inherited = {name: text for name, text in os.environ.items() if not name.startswith(ENVIRONMENT_PREFIX)}
        free = {**inherited, **whole, "NEXTCLICK_WEB_PORT": str(free_port())}
        yield {
            name: Broken(
                case,
                {**free, **{ENVIRONMENT_PREFIX + key.upper(): str(text) for key, text in case.environment.items()}},
            )
            for name, case in cases.items()
        }


def require_one_line(case: Case, stderr: str) -> None:
    """Hold what was printed up against what the case must say."""
    (line,) = stderr.splitlines()
    assert line.startswith("nextclick: ")
    assert [said for said in case.says if said not in line] == []


@pytest.fixture
def _own_process_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave the command line and the logging of this process as they were."""
    monkeypatch.setattr(sys, "argv", ["nextclick", "worker"])
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("_own_process_state")
@pytest.mark.parametrize("name", CASES)
def test_what_is_broken_is_said_in_one_line(
    broken: Mapping[str, Broken], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    """`nextclick worker`: one line on stderr that says what, where and what to do; exit code 1; no stack trace."""
    case, environment = broken[name]
    monkeypatch.setattr(os, "environ", dict(environment))
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    printed = capfd.readouterr()
    require_one_line(case, printed.err)
    assert printed.out == ""


@pytest.fixture(scope="module")
def ended(broken: Mapping[str, Broken]) -> dict[tuple[str, Sequence[str]], subprocess.CompletedProcess[str]]:
    """Start real processes, a few at a time."""

    def start(name: str, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=broken[name].environment,
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT_S,
            check=False,
        )

    with ThreadPoolExecutor(max_workers=3) as pool:
        return dict(zip(STARTS, pool.map(lambda one: start(*one), STARTS), strict=True))


@pytest.mark.parametrize(
    ("name", "command"), STARTS, ids=[f"{name}-{Path(command[0]).name}" for name, command in STARTS]
)
def test_a_process_that_cannot_start_ends(
    broken: Mapping[str, Broken],
    ended: dict[tuple[str, Sequence[str]], subprocess.CompletedProcess[str]],
    name: str,
    command: Sequence[str],
) -> None:
    """`nextclick worker` and `faust -A workers.app worker` alike: one line, exit code 1, no process left."""
    process = ended[name, command]
    require_one_line(broken[name].case, process.stderr)
    assert process.returncode == 1
    assert "Traceback" not in process.stdout
