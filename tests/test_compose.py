"""What docker-compose.yml and the Dockerfile promise, held up against the code; no Docker engine is needed."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from nextclick.cli import app
from workers.settings import ENVIRONMENT_PREFIX, Settings

ROOT = Path(__file__).parent.parent
Service = dict[str, Any]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Service]:
    declared: dict[str, Service] = compose["services"]
    return declared


def environment_of(service: Service) -> dict[str, str]:
    return dict(service.get("environment") or {})


def test_what_runs_by_default(services: dict[str, Service]) -> None:
    """`docker compose up` starts Kafka, topics, worker, replayer and page; the trainer waits for its profile."""
    assert {name for name, service in services.items() if "profiles" not in service} == {
        "kafka",
        "topics",
        "worker",
        "replayer",
        "page",
    }
    assert services["trainer"]["profiles"] == ["train"]


def test_several_workers_can_run(services: dict[str, Service]) -> None:
    """`--scale worker=3`: no port on the host, no fixed name, and a state folder of each replica's own."""
    worker = services["worker"]
    assert "ports" not in worker
    assert "container_name" not in worker
    assert worker["expose"] == ["6066"]
    assert "/srv/state" in worker["volumes"], "an anonymous volume has no name in front"


def test_a_worker_has_time_to_finish(services: dict[str, Service]) -> None:
    """Its stop grace period is 30 s, it is watched, and it comes back after a crash."""
    worker = services["worker"]
    assert worker["stop_grace_period"] == "30s"
    assert worker["restart"] == "unless-stopped"
    assert any("/readyz" in part for part in worker["healthcheck"]["test"])


def test_a_worker_starts_after_its_topics_and_they_after_kafka(services: dict[str, Service]) -> None:
    """The order is that of conditions, not of sleeping."""
    assert services["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    completed = {"topics": {"condition": "service_completed_successfully"}}
    assert services["worker"]["depends_on"] == completed
    assert services["replayer"]["depends_on"] == completed
    assert services["kafka"]["healthcheck"]["test"][0] == "CMD"


def test_published_ports_are_on_loopback(services: dict[str, Service]) -> None:
    """Nothing of it can be reached from another machine."""
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:9092:9092", "127.0.0.1:8080:8080"]


def test_every_image_is_pinned_or_ours(services: dict[str, Service]) -> None:
    """An image that we do not build has a whole version; so has the image that ours are built on."""
    foreign = {service["image"] for service in services.values() if "build" not in service}
    assert foreign == {"apache/kafka:4.3.1"}
    for service in services.values():
        if "build" in service:
            assert service["image"].endswith(":local"), "an image of ours is never pulled from a registry by mistake"
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.12\.\d+-slim-\w+$", dockerfile, re.MULTILINE)


def test_every_variable_is_a_setting(services: dict[str, Service]) -> None:
    """A misspelt NEXTCLICK_ variable would end the worker; this file and the Dockerfile have none."""
    known = {ENVIRONMENT_PREFIX + name.upper() for name in Settings.model_fields}
    used = {name for service in services.values() for name in environment_of(service)}
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    used |= set(re.findall(rf"({ENVIRONMENT_PREFIX}\w+)=", dockerfile))
    ours = {name for name in used if name.startswith(ENVIRONMENT_PREFIX)}
    assert {"NEXTCLICK_BOOTSTRAP_SERVERS", "NEXTCLICK_ARTIFACT"} <= ours
    assert ours <= known


def test_every_command_is_a_command_of_ours(services: dict[str, Service]) -> None:
    """The first word of each service's command, and of each line of the trainer's script, is known to the CLI."""
    words = [
        service["command"][0] for service in services.values() if "command" in service and "entrypoint" not in service
    ]
    words += re.findall(r"^nextclick (\w+)", services["trainer"]["command"][0], re.MULTILINE)
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert set(words) == {"topics", "worker", "replay", "page", "data", "train", "export"}
    assert set(words) <= commands | {group.name for group in app.registered_groups}


def test_no_secret_is_written_down(services: dict[str, Service]) -> None:
    """Passwords come from the operator's environment, never from this file or the image."""
    names = {name for service in services.values() for name in environment_of(service)}
    assert not {name for name in names if re.search("PASSWORD|SECRET|TOKEN", name)}
    assert not re.search("PASSWORD|SECRET|TOKEN", (ROOT / "Dockerfile").read_text(encoding="utf-8"))


def test_both_images_run_as_an_ordinary_user_and_the_worker_without_torch() -> None:
    """Each final stage names the user; the worker's build never sees the extra `train`, and it is the default stage."""
    stages = re.split(r"^(?=FROM )", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    by_name = {stage.split(" AS ")[1].split()[0]: stage for stage in stages if " AS " in stage.splitlines()[0]}
    assert "USER nextclick" in by_name["worker"]
    assert "USER nextclick" in by_name["trainer"]
    assert "train" not in by_name["build"]
    assert stages[-1] is by_name["worker"]
    assert "HEALTHCHECK" in by_name["worker"]
