"""The audit fails for what is known and not accepted, and for nothing else; pip-audit is played by a script."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

AUDIT = Path(__file__).parents[1] / ".ci" / "audit.py"
ADVISORY = {"id": "PYSEC-2099-1", "aliases": ["CVE-2099-1", "GHSA-aaaa"], "fix_versions": ["2.0"]}
CLEAN = {"name": "orjson", "version": "3.11", "vulns": []}
VULNERABLE = {"name": "aiohttp", "version": "1.0", "vulns": [ADVISORY]}
KNOWN = {"name": "urllib3", "version": "1.26.4", "vulns": [ADVISORY]}
UNKNOWN = {"name": "urllib3", "skip_reason": "Dependency not found on PyPI and could not be audited"}


def audit(
    folder: Path, *, probe: object = KNOWN, found: tuple[object, ...] = (CLEAN,), accepted: str = "", fails: str = ""
) -> subprocess.CompletedProcess[str]:
    """Audit with a pip-audit that answers the probe and the audit like this."""
    answers = {"probe": {"dependencies": [probe]}, "found": {"dependencies": list(found)}}
    script = folder / "pip-audit"
    script.write_text(
        f"#!{sys.executable}\nimport json, sys\nanswers = json.loads({json.dumps(json.dumps(answers))})\n"
        + (f"sys.exit({fails!r})\n" if fails else "")
        + "print(json.dumps(answers['probe' if '--requirement' in sys.argv else 'found']))\nsys.exit(1)\n"
    )
    script.chmod(0o755)
    known = folder / "known.toml"
    known.write_text(accepted)
    return subprocess.run(
        [sys.executable, str(AUDIT), str(script), str(known)], capture_output=True, text=True, check=False, timeout=60
    )


def test_nothing_known_is_good(tmp_path: Path) -> None:
    """A dependency that the database does not know is not counted as looked up."""
    ended = audit(tmp_path, found=(CLEAN, UNKNOWN))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "audit: 1 of 2 dependencies looked up, 0 known vulnerabilities not accepted\n"


def test_a_known_vulnerability_fails(tmp_path: Path) -> None:
    """With its names and the version that mends it."""
    ended = audit(tmp_path, found=(CLEAN, VULNERABLE))
    assert ended.returncode == 1
    assert "aiohttp 1.0 has PYSEC-2099-1 CVE-2099-1 GHSA-aaaa: fixed in 2.0" in ended.stdout


@pytest.mark.parametrize("name", ["PYSEC-2099-1", "CVE-2099-1", "GHSA-aaaa"])
def test_an_accepted_one_does_not(tmp_path: Path, name: str) -> None:
    """By any of its names; the reason is told."""
    ended = audit(tmp_path, found=(VULNERABLE,), accepted=f'[[advisory]]\nid = "{name}"\nreason = "not reached"\n')
    assert ended.returncode == 0
    assert "accepted: not reached" in ended.stdout


def test_without_a_database_it_is_skipped(tmp_path: Path) -> None:
    """It says nothing against what everybody knows, or cannot be reached: the reason is told, the build goes on."""
    blind = audit(tmp_path, probe=UNKNOWN, found=(VULNERABLE,))
    assert (blind.returncode, blind.stderr) == (0, "")
    assert "audit: skipped, no database of advisories can be reached" in blind.stdout
    away = audit(tmp_path, found=(VULNERABLE,), fails="ProxyError: Unable to connect")
    assert (away.returncode, away.stderr) == (0, "")
    assert "audit: skipped, pip-audit failed: ProxyError: Unable to connect" in away.stdout


def test_the_list_of_accepted_ones_can_be_read() -> None:
    """With a reason each."""
    ended = subprocess.run(
        [sys.executable, str(AUDIT), "/not/there/pip-audit"], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 0
    assert "audit: skipped, pip-audit failed" in ended.stdout
