"""Files that are there as a whole or not at all."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from models.errors import RecordingError


def require_free_place(path: Path, suffixes: tuple[str, ...]) -> str:
    """Return the suffix of a file that can be made there.

    Raises:
        RecordingError: If it has none of these, or something is there.
    """
    suffix = next((suffix for suffix in suffixes if path.name.endswith(suffix)), None)
    if suffix is None:
        raise RecordingError(f"{path}: name the file {', '.join('*' + suffix for suffix in suffixes)}.")
    if path.exists():
        raise RecordingError(f"{path} is there already: name another file, or remove it.")
    return suffix


@contextlib.contextmanager
def staged_file(path: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """Yield a hidden place beside the file's own, which it gets when the block ends.

    It goes when the block raises, or has not made it.

    Raises:
        RecordingError: If something is at its place, or it cannot be written.
    """
    suffix = require_free_place(path, suffixes)
    staging = path.with_name(f".{path.name}.{uuid4().hex[:8]}.unfinished{suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield staging
        if staging.exists():
            require_free_place(path, suffixes)
            staging.rename(path)
    except OSError as error:
        raise RecordingError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        with contextlib.suppress(OSError):
            staging.unlink()
