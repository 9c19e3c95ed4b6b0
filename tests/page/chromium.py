"""A real Chromium for the tests: found, or installed by `python -m tests.page.chromium` where apt-get can.

Playwright (a Python package) drives it; its own download of a browser is never asked for.
"""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PACKAGES = ("chromium", "fonts-inter", "fonts-liberation")
# As root, as in a container, Chromium's own sandbox does not start.
ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage")


def find() -> str | None:
    """Return the path of a Chromium, or None."""
    return next((path for name in NAMES if (path := shutil.which(name)) is not None), None)


def why_not_installable() -> str | None:
    """Return why it cannot be installed here, or None."""
    if shutil.which("apt-get") is None:
        return "there is no apt-get here: install Chromium by hand"
    return None if os.geteuid() == 0 else "only root may run apt-get: install Chromium by hand"


def install() -> str | None:
    """Install it with apt-get; return why that failed, or None."""
    why, apt_get = why_not_installable(), shutil.which("apt-get")
    if why is not None or apt_get is None:
        return why
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *PACKAGES]):
        done = subprocess.run([apt_get, *command], env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return f"apt-get {command[0]} failed: {(done.stderr or done.stdout).strip().splitlines()[-1:]}"
    return None if find() else "apt-get installed something else than a chromium"


if __name__ == "__main__":
    found = find()
    failure = None if found else install()
    # The tests skip themselves where there is none: they say this again.
    sys.stdout.write(f"chromium: {find() or f'skipped, {failure}'}\n")
