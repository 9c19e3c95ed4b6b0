"""Audits the installed dependencies against a database of advisories: `python .ci/audit.py PIP_AUDIT`.

    exit code 0   nothing known against what is installed, or skipped, with the reason: the database cannot be asked
    exit code 1   a dependency has a known vulnerability that `known-advisories.toml` does not list

One version that is known to be vulnerable is looked up first: a database that has nothing against it, or cannot be
reached, has nothing to say of the others, and a build never fails for want of a network.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

KNOWN_ADVISORIES = Path(__file__).with_name("known-advisories.toml")
# CVE-2021-33503 and others.
KNOWN_TO_BE_VULNERABLE = "urllib3==1.26.4"
ANSWER_TIMEOUT_S = 5
AUDIT_TIMEOUT_S = 120


class DatabaseError(Exception):
    """The database cannot be asked, and why."""


def main(pip_audit: str, known_advisories: Path = KNOWN_ADVISORIES) -> int:
    """Audit, print one line a finding, return the exit code."""
    accepted = {one["id"]: one["reason"] for one in tomllib.loads(known_advisories.read_text()).get("advisory", [])}
    try:
        require_database(pip_audit)
        audited = run(pip_audit, "--skip-editable", timeout_s=AUDIT_TIMEOUT_S)
    except DatabaseError as error:
        say(f"audit: skipped, {error}")
        return 0
    findings = 0
    for dependency in audited:
        for advisory in dependency.get("vulns", []):
            names = [advisory["id"], *advisory.get("aliases", [])]
            reason = next((accepted[name] for name in names if name in accepted), None)
            findings += reason is None
            fixed = ", ".join(advisory.get("fix_versions", [])) or "no version"
            verdict = f"fixed in {fixed}" if reason is None else f"accepted: {reason}"
            say(f"audit: {dependency['name']} {dependency['version']} has {' '.join(names)}: {verdict}")
    looked_up = sum("vulns" in dependency for dependency in audited)
    say(f"audit: {looked_up} of {len(audited)} dependencies looked up, {findings} known vulnerabilities not accepted")
    return 1 if findings else 0


def require_database(pip_audit: str) -> None:
    """Return if the database knows what everybody knows."""
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.txt"
        probe.write_text(f"{KNOWN_TO_BE_VULNERABLE}\n")
        found = run(
            pip_audit, "--requirement", str(probe), "--no-deps", "--disable-pip", timeout_s=4 * ANSWER_TIMEOUT_S
        )
    if not any(dependency.get("vulns") for dependency in found):
        raise DatabaseError(f"no database of advisories can be reached: nothing is known of {KNOWN_TO_BE_VULNERABLE}")


def run(pip_audit: str, *arguments: str, timeout_s: float) -> list[dict]:
    """Return what pip-audit says of each dependency."""
    command = [
        pip_audit,
        *arguments,
        "--format",
        "json",
        "--progress-spinner",
        "off",
        "--timeout",
        str(ANSWER_TIMEOUT_S),
    ]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
        # Its exit code is 1 for a finding and for a failure alike: what it printed tells them apart.
        return json.loads(ended.stdout)["dependencies"]
    except subprocess.TimeoutExpired as error:
        raise DatabaseError(f"no answer within {timeout_s:g} s") from error
    except (OSError, ValueError, KeyError) as error:
        last_line = "".join(ended.stderr.splitlines()[-1:]) if isinstance(error, ValueError) else str(error)
        raise DatabaseError(f"pip-audit failed: {last_line[:200]}") from error


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2], *map(Path, sys.argv[2:3])))
