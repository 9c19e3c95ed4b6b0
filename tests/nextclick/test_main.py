import sys
from pathlib import Path

import pytest

from nextclick import __main__, cli


@pytest.mark.parametrize(("module", "extra"), [("torch", "train"), ("onnx", "train"), ("safetensors", "train")])
def test_a_missing_extra_is_one_line(
    module: str, extra: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A worker's environment has no torch: `train` there names the extra and ends with 1."""

    def command() -> None:
        raise ModuleNotFoundError(f"No module named '{module}'", name=f"{module}.nn")

    monkeypatch.setattr(cli, "app", command)
    with pytest.raises(SystemExit, match="1"):
        __main__.main()
    said = capsys.readouterr().err
    assert f"needs {module}" in said
    assert f"'.[{extra}]'" in said


def test_a_bug_of_ours_keeps_its_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that no extra brings is missing because of a mistake."""

    def command() -> None:
        raise ModuleNotFoundError("No module named 'workers.gone'", name="workers.gone")

    monkeypatch.setattr(cli, "app", command)
    with pytest.raises(ModuleNotFoundError):
        __main__.main()


def test_a_file_in_the_way_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The real command, told to write a data set into a file: the file is named, and there is no trace."""
    (tmp_path / "file").touch()
    (tmp_path / "log.csv").write_text(
        "user_id,item_id,timestamp_ms\n" + "".join(f"u,{i % 5},{1714521600000 + i}\n" for i in range(60)), "utf-8"
    )
    arguments = ["--log", str(tmp_path / "log.csv"), "--sessions", "never", "--out", str(tmp_path / "file")]
    monkeypatch.setattr(sys, "argv", ["nextclick", "data", "prepare", *arguments])
    with pytest.raises(SystemExit, match="1"):
        __main__.main()
    said = capsys.readouterr().err
    assert said.startswith(f"nextclick: {tmp_path / 'file'}: File exists.")
    assert "Traceback" not in said


def test_training_without_torch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The real command, in an environment where torch cannot be imported."""
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(sys, "argv", ["nextclick", "train", "--dataset", "eshop"])
    with pytest.raises(SystemExit, match="1"):
        __main__.main()
    assert "extra `train`" in capsys.readouterr().err
