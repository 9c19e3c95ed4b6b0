from pathlib import Path

import pytest

from benchmarks import brokers
from benchmarks.brokers import BrokerChoice, fresh_broker
from benchmarks.machine import Cores
from models.errors import BrokerError

ANYWHERE = Cores((None,), None)
# `start --dir D` writes a log and fails so many times; `stop --purge --dir D` removes D. Each call is noted.
SCRIPT = """#!/bin/sh
here=$(dirname "$0")
echo "$1" >> "$here/calls"
if [ "$1" = stop ]; then rm -rf "$4"; exit 0; fi
mkdir -p "$3" && echo "ERROR the port is taken" > "$3/server.log"
if [ "$(grep -c start "$here/calls")" -le FAILURES ]; then echo "it ended" >&2; exit 1; fi
echo NEXTCLICK_TEST_BROKER=127.0.0.1:9999
"""


@pytest.fixture(autouse=True)
def build_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(brokers, "BUILD", tmp_path / "build")
    return tmp_path / "build"


def make_script(folder: Path, *, failures: int) -> Path:
    script = folder / "cluster"
    script.write_text(SCRIPT.replace("FAILURES", str(failures)))
    script.chmod(0o755)
    return script


def calls(script: Path) -> list[str]:
    return script.with_name("calls").read_text().split()


def test_a_node_lives_as_long_as_its_block_and_leaves_nothing(tmp_path: Path, build_folder: Path) -> None:
    script = make_script(tmp_path, failures=0)
    with fresh_broker(BrokerChoice(None, script), ANYWHERE) as address:
        assert address == "127.0.0.1:9999"
        assert len(list(build_folder.iterdir())) == 1
    assert calls(script) == ["start", "stop"]
    assert list(build_folder.iterdir()) == []


def test_a_node_whose_port_was_taken_is_started_again(tmp_path: Path) -> None:
    script = make_script(tmp_path, failures=2)
    with fresh_broker(BrokerChoice(None, script), ANYWHERE) as address:
        assert address == "127.0.0.1:9999"
    assert calls(script) == ["start", "stop", "start", "stop", "start", "stop"]


def test_a_node_that_never_starts_says_why(tmp_path: Path, build_folder: Path) -> None:
    script = make_script(tmp_path, failures=9)
    with (
        pytest.raises(BrokerError, match="start failed: it ended ERROR the port is taken"),
        fresh_broker(BrokerChoice(None, script), ANYWHERE),
    ):
        pass
    assert calls(script)[-1] == "stop"
    assert list(build_folder.iterdir()) == []
