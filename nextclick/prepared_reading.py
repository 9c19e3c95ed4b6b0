"""How commands read prepared data: whole, or in parts from disk where it is too large for memory."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from models.errors import TrainingError
from models.evaluation.holding_out import hold_items_out, hold_items_out_on_disk
from models.preparation.prepared_data import load_prepared_data
from models.preparation.prepared_on_disk import PreparedOnDisk, open_prepared_data
from models.training.encoded_data import Prepared
from nextclick.memory_limit import memory_limit_bytes

# What a prepared click takes at the peak of a training run that has read it whole: measured, docs/training.md.
BYTES_A_CLICK = 550
# And what it takes of the disk at the most where it is read in parts, with one feature.
BYTES_A_CLICK_ON_DISK = 60
# Of the memory: what is more than that is read in parts.
LARGEST_SHARE = 0.25


@contextmanager
def read_for_training(
    folder: Path, working: Path, console: Console, *, on_disk: bool | None, hold_out: float | None
) -> Iterator[Prepared]:
    """Yield prepared data, in memory or on disk.

    Args:
        folder: Where it is.
        working: A folder for what is worked on on disk: emptied first, and gone with the block.
        console: Told where it is read from disk.
        on_disk: Whether to; None: where it would take too large a share of the memory.
        hold_out: The share of the items to hold out of training; None: none.

    Raises:
        DataError: If the folder is missing, incomplete, or its tables have other columns.
        TrainingError: If there is no room on the disk.
    """
    found = open_prepared_data(folder, working)
    if not _goes_on_disk(found, on_disk):
        data = load_prepared_data(folder)
        yield data if hold_out is None else hold_items_out(data, hold_out)
        return
    _tell(found, console)
    shutil.rmtree(working, ignore_errors=True)  # a run that was killed could not
    working.mkdir(parents=True)
    try:
        _require_room(working, found.click_count)
        yield found if hold_out is None else hold_items_out_on_disk(found, hold_out)
    finally:
        shutil.rmtree(working, ignore_errors=True)


@contextmanager
def read_for_test(folder: Path, console: Console, *, on_disk: bool | None) -> Iterator[Prepared]:
    """Yield prepared data whose test clicks are looked at, in memory or on disk.

    What is worked on lies where the system has temporary files, and is gone with the block: the test clicks, and the
    training clicks where test sessions go on with them.

    Args:
        folder: Where it is.
        console: Told where it is read from disk.
        on_disk: Whether to; None: where it would take too large a share of the memory.

    Raises:
        DataError: If the folder is missing, incomplete, or its tables have other columns.
    """
    with TemporaryDirectory(prefix="nextclick-test-") as working:
        found = open_prepared_data(folder, Path(working))
        if _goes_on_disk(found, on_disk):
            _tell(found, console)
            yield found
        else:
            yield load_prepared_data(folder)


def _goes_on_disk(found: PreparedOnDisk, on_disk: bool | None) -> bool:
    return is_too_large(found, memory_limit_bytes()) if on_disk is None else on_disk


def _tell(found: PreparedOnDisk, console: Console) -> None:
    console.print(
        f"Reading {found.click_count:,} clicks in parts from disk; whole (--in-memory) they would take some "
        f"{found.click_count * BYTES_A_CLICK / (1 << 30):.1f} GiB.",
        highlight=False,
        soft_wrap=True,
    )


def _require_room(working: Path, clicks: int) -> None:
    """Say now and not after half an hour that the disk is too full.

    Raises:
        TrainingError: If it is.
    """
    needed, free = clicks * BYTES_A_CLICK_ON_DISK, shutil.disk_usage(working).free
    if free < needed:
        raise TrainingError(
            f"There is too little room at {working.parent.resolve()}: training from disk needs some "
            f"{needed / (1 << 30):.1f} GiB beside the checkpoint, {free / (1 << 30):.1f} GiB are free. Make room, or "
            "give another place with --out."
        )


def is_too_large(data: PreparedOnDisk, memory_bytes: int) -> bool:
    """Tell whether data had better not be read whole into so much memory."""
    return data.click_count * BYTES_A_CLICK > LARGEST_SHARE * memory_bytes
