"""Results that a second run takes over, where they were made from the same inputs."""

import contextlib
import os
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import msgspec

from models.errors import NextclickError

Result = TypeVar("Result")


def fingerprint(*inputs: object) -> str:
    """Return what tells these inputs from others; nextclick's own version is always one of them."""
    return sha256(msgspec.json.encode((version("nextclick"), *inputs), order="sorted")).hexdigest()


def folder_checksum(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file right in the folder."""
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir()) if path.is_file()}


def reuse_or_make(
    folder: Path, inputs: str, *, load: Callable[[Path], Result], make: Callable[[], Result]
) -> tuple[Result, bool]:
    """Load a result that is there and was made from these inputs, or make it.

    A note beside the folder holds the inputs' fingerprint. It is written last, so that a run that was stopped leaves
    nothing that looks finished.

    Args:
        folder: The result's place.
        inputs: The fingerprint of what it is made from.
        load: Reads it; raises `NextclickError` if it is not whole.
        make: Makes it and puts it into its place.

    Returns:
        The result, and whether it was reused.
    """
    note = folder.with_name(f"{folder.name}.inputs")
    if note.is_file() and note.read_text(encoding="utf-8") == inputs:
        with contextlib.suppress(NextclickError):
            return load(folder), True
    note.unlink(missing_ok=True)
    result = make()
    _write_whole(note, inputs)
    return result, False


def _write_whole(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
