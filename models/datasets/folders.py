"""Where data sets lie: in a folder that the user names, which is only read, or in `data/`, where fetched ones go."""

import os
from pathlib import Path

from models.datasets.dataset import Dataset
from models.errors import DataError

FETCHED_FOLDER = Path("data")


def find_dataset(dataset: Dataset, data_folder: Path | None = None, fetched: Path = FETCHED_FOLDER) -> Path | None:
    """Return the folder that has all of a data set's files, or None.

    Args:
        dataset: The data set.
        data_folder: A folder of data sets that is looked at first (`--data-folder`, NEXTCLICK_DATA).
        fetched: Where fetched data sets lie.
    """
    for parent in (data_folder, fetched):
        if parent is None:
            continue
        folder = parent / dataset.folder
        if all(any(folder.glob(pattern)) for pattern in dataset.files):
            return folder
    return None


def locate_dataset(dataset: Dataset, data_folder: Path | None = None, fetched: Path = FETCHED_FOLDER) -> Path:
    """Return the folder that has all of a data set's files.

    Raises:
        DataError: If it is nowhere; the message says how to get it.
    """
    folder = find_dataset(dataset, data_folder, fetched)
    if folder is None:
        looked = " or ".join(str(parent / dataset.folder) for parent in (data_folder, fetched) if parent is not None)
        how = f"get it with `nextclick data fetch {dataset.name}`" if dataset.sources else dataset.how_to_get
        raise DataError(f"The data set {dataset.name} is not in {looked} ({', '.join(dataset.files)}): {how}.")
    return folder


def fetch_dataset(dataset: Dataset, source: str | None = None, fetched: Path = FETCHED_FOLDER) -> Path:
    """Fetch a data set's files into `data/`; each is checked before it is written, and appears there whole.

    Args:
        dataset: The data set.
        source: The name of the source; None: the first.
        fetched: Where fetched data sets lie.

    Returns:
        The folder that now has them.

    Raises:
        DataError: If it cannot be fetched, there is no such source, or what came is not what was expected.
    """
    if not dataset.sources:
        raise DataError(f"The data set {dataset.name} cannot be fetched: {dataset.how_to_get}.")
    name = source or next(iter(dataset.sources))
    if name not in dataset.sources:
        raise DataError(f"{dataset.name} has no source {name!r}: choose one of {', '.join(dataset.sources)}.")
    contents = dataset.sources[name]()
    folder = fetched / dataset.folder
    folder.mkdir(parents=True, exist_ok=True)
    for file_name, content in contents.items():
        _write_whole(folder / file_name, content)
    return folder


def _write_whole(path: Path, content: bytes) -> None:
    """Write under another name first: a file that is there is all there, also after a crash."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
