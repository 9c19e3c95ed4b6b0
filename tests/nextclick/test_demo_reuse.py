import contextlib
from pathlib import Path

from models.errors import ArtifactError
from nextclick.demo.reuse import fingerprint, folder_checksum, reuse_or_make


class Maker:
    """Makes `result.txt` in a folder and counts how often."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = 0

    def make(self) -> str:
        """Make it."""
        self.made += 1
        self.folder.mkdir(exist_ok=True)
        (self.folder / "result.txt").write_text(f"result {self.made}", encoding="utf-8")
        return f"result {self.made}"

    def load(self, folder: Path) -> str:
        """Read it."""
        path = folder / "result.txt"
        if not path.is_file():
            raise ArtifactError("not whole")
        return path.read_text(encoding="utf-8")

    def take(self, inputs: str) -> tuple[str, bool]:
        """Reuse or make it."""
        return reuse_or_make(self.folder, inputs, load=self.load, make=self.make)


def test_a_result_is_reused_while_its_inputs_are_the_same(tmp_path: Path) -> None:
    """Made once, loaded the second time, made again from other inputs."""
    maker = Maker(tmp_path / "folder")
    assert [maker.take("a"), maker.take("a"), maker.take("b")] == [
        ("result 1", False),
        ("result 1", True),
        ("result 2", False),
    ]


def test_a_result_that_is_gone_or_broken_is_made_again(tmp_path: Path) -> None:
    """The note alone proves nothing."""
    maker = Maker(tmp_path / "folder")
    maker.take("a")
    (tmp_path / "folder" / "result.txt").unlink()
    assert maker.take("a") == ("result 2", False)


def test_a_result_whose_making_was_stopped_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    """Inputs a, then b stopped in the middle, then a again: what lies there is b's, so it is made anew."""
    maker = Maker(tmp_path / "folder")
    maker.take("a")

    def stop_in_the_middle() -> str:
        maker.make()
        raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        reuse_or_make(maker.folder, "b", load=maker.load, make=stop_in_the_middle)
    assert maker.take("a") == ("result 3", False)


def test_fingerprints_tell_inputs_apart(tmp_path: Path) -> None:
    """Same inputs, same fingerprint; a changed byte in a file makes another."""
    (tmp_path / "one").write_text("1", encoding="utf-8")
    first = fingerprint("data", folder_checksum(tmp_path))
    assert fingerprint("data", folder_checksum(tmp_path)) == first
    (tmp_path / "one").write_text("2", encoding="utf-8")
    assert fingerprint("data", folder_checksum(tmp_path)) != first
