"""Where `--dataset` finds its data."""

from pathlib import Path

from models.preparation.prepared_data import PREPARED_FILE


def prepared_place(dataset: str | Path, prepared_folder: Path) -> Path:
    """Return the folder that a data set is read from.

    Args:
        dataset: A folder of prepared data; or the name of one.
        prepared_folder: Where those with names lie.

    Returns:
        The one that holds prepared data. Where neither does, the folder that is there: an error speaks of it.
    """
    given, named = Path(dataset), prepared_folder / dataset
    is_named = (named / PREPARED_FILE).is_file() or not given.is_dir()
    return given if (given / PREPARED_FILE).is_file() or not is_named else named
