"""A comparison's files: whole or not there, and nothing overwritten unasked."""

import contextlib
import os
from pathlib import Path
from uuid import uuid4

from models.errors import DataError


def require_place(path: Path | None, suffix: str, *, force: bool) -> None:
    """Return if a file can be made there: ask before minutes are spent on what goes into it.

    Raises:
        DataError: If it is called otherwise, is a folder, or is there already and may not be overwritten.
    """
    if path is None:
        return
    if not path.name.endswith(suffix):
        raise DataError(f"{path}: name the file *{suffix}.")
    if path.is_dir():
        raise DataError(f"{path} is a folder: name a file.")
    if path.exists() and not force:
        raise DataError(f"{path} is there already: name another file, or overwrite it with --force.")


def write_whole(path: Path, content: bytes, *, force: bool) -> None:
    """Write a file that gets its name when all of it is there.

    Raises:
        DataError: If it cannot be written, or another has taken its place meanwhile.
    """
    require_place(path, path.suffix, force=force)
    staging = path.with_name(f".{path.name}.{uuid4().hex[:8]}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staging.write_bytes(content)
        os.replace(staging, path)  # noqa: PTH105 - says that it overwrites
    except OSError as error:
        with contextlib.suppress(OSError):
            staging.unlink()
        raise DataError(f"{path} cannot be written: {error.strerror or error}.") from error
