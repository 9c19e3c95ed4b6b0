"""Folders that are written as a whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replaced_folder(folder: Path, marker: str) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `folder` when the block ends.

    A reader sees the old folder, none for an instant, or the new one whole; after an exception everything is as it was.

    Args:
        folder: Its place; the parent is made where it is missing.
        marker: A file by which an older folder of the same kind is known: only such a one is replaced.

    Raises:
        FileExistsError: If `folder` is not empty and does not hold the marker.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield staging
        # A temporary folder is its owner's alone; this one is to be read by others.
        staging.chmod(0o755)
        _replace(staging, folder, marker)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def require_free_folder(folder: Path, marker: str) -> None:
    """Return if `replaced_folder` can put a folder there: ask before hours are spent on what goes into it.

    Raises:
        OSError: If something else is there, or a file is in the place of a folder above it.
    """
    if folder.name in {"", ".."}:
        raise FileExistsError(f"{folder} is in the way: name a folder of its own.")
    above = next(parent for parent in folder.absolute().parents if os.path.lexists(parent))
    if not above.is_dir():
        raise NotADirectoryError(f"{above} is in the way: it is no folder.")
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / marker).is_file())):
        raise FileExistsError(f"{folder} is in the way: name another folder, or remove this one.")


def _replace(staging: Path, folder: Path, marker: str) -> None:
    require_free_folder(folder, marker)
    if not folder.exists():
        staging.rename(folder)
        return
    retired = Path(tempfile.mkdtemp(prefix=f".{folder.name}-retired-", dir=folder.parent))
    folder.rename(retired / folder.name)
    try:
        staging.rename(folder)
    except BaseException:
        (retired / folder.name).rename(folder)
        retired.rmdir()
        raise
    shutil.rmtree(retired)
