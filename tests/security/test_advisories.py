"""`make advisories`, `make secrets`: what is found fails, what can't be looked at is said."""

from __future__ import annotations

import json
import os
import random
import string
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.advisories import ROOT, SKIPPED, Finding, audited, reported
from scripts.find_secrets import KNOWN, suspects, vain

GOOD = {"name": "jinja2", "version": "3.1.6", "vulns": []}
BAD = {
    "name": "urllib3",
    "version": "1.0",
    "vulns": [{"id": "GHSA-1", "fix_versions": ["2.0"], "aliases": [], "description": "-"}],
}
UNKNOWN = {"name": "private", "skip_reason": "not found"}


def tool(folder: Path, *, said: object = None, complained: str = "", status: int = 0) -> list[str]:
    """Something that answers as pip-audit does."""
    text = said if isinstance(said, str) else json.dumps({"dependencies": said, "fixes": []})
    script = folder / "tool.py"
    script.write_text(
        f"import sys\nsys.stdout.write({text!r})\nsys.stderr.write({complained!r})\n"
        f"sys.exit({status})\n"
    )
    return [sys.executable, str(script)]


def test_a_known_fault_fails_by_name_with_what_mends_it(tmp_path: Path) -> None:
    found = audited(ROOT / "requirements.txt", tool(tmp_path, said=[GOOD, BAD], status=1))
    assert not found.passed
    assert "urllib3 1.0: GHSA-1 (mended in 2.0)" in found.text
    assert "jinja2" not in found.text


def test_no_known_fault_passes(tmp_path: Path) -> None:
    found = audited(ROOT / "requirements.txt", tool(tmp_path, said=[GOOD]))
    assert (found.passed, found.text) == (True, "no known fault in 1 packages")


@pytest.mark.parametrize(
    "complained",
    [
        "ERROR:pip_audit._cli:Tip: your network may be blocking this service.",
        "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='pypi.org')",
        "requests.exceptions.ProxyError: Unable to connect to proxy",
    ],
)
def test_an_advisory_service_that_is_not_reached_is_said_and_fails_nothing(
    tmp_path: Path, complained: str
) -> None:
    down = tool(tmp_path, said="", complained=complained, status=1)
    found = audited(ROOT / "requirements.txt", down)
    assert (found.passed, found.text) == (True, SKIPPED)


def test_a_service_that_knows_none_of_the_packages_is_none(tmp_path: Path) -> None:
    found = audited(ROOT / "requirements.txt", tool(tmp_path, said=[UNKNOWN, UNKNOWN]))
    assert (found.passed, found.text) == (True, SKIPPED)


@pytest.mark.parametrize("said", [[GOOD, UNKNOWN], []])
def test_what_was_not_audited_is_not_passed_over(tmp_path: Path, said: object) -> None:
    assert not audited(ROOT / "requirements.txt", tool(tmp_path, said=said)).passed


def test_an_audit_that_fails_for_another_reason_fails(tmp_path: Path) -> None:
    broken = tool(tmp_path, said="", complained="ERROR: invalid requirements", status=1)
    found = audited(ROOT / "requirements.txt", broken)
    assert not found.passed
    assert "invalid requirements" in found.text


@pytest.mark.parametrize(
    "complained",
    [
        "requests.exceptions.HTTPError: 500 Server Error: Internal Server Error",
        "pip_audit._service.interface.ServiceError: unexpected answer",
        "ModuleNotFoundError: No module named 'pip_audit'",
    ],
)
def test_a_service_that_is_reached_and_fails_is_no_closed_network(
    tmp_path: Path, complained: str
) -> None:
    broken = tool(tmp_path, said="", complained=complained, status=1)
    assert not audited(ROOT / "requirements.txt", broken).passed


def test_what_was_not_checked_is_said_at_once_and_left_for_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reminder = tmp_path / "build" / "not-checked"
    skipped = Finding(passed=True, text=SKIPPED)
    assert reported(skipped, required=False, reminder=reminder) == 0
    assert "NOT CHECKED" in capsys.readouterr().err
    assert reminder.read_text("utf-8") == f"{skipped.line}\n"
    assert reported(Finding(passed=True, text="fine"), required=False, reminder=reminder) == 0
    assert not reminder.exists(), "an earlier run's word is not this one's"


def test_where_it_is_required_nobody_to_ask_is_a_failure() -> None:
    assert reported(Finding(passed=True, text=SKIPPED), required=True, reminder=None) == 1
    assert reported(Finding(passed=True, text="fine"), required=True, reminder=None) == 0
    assert reported(Finding(passed=False, text="a fault"), required=False, reminder=None) == 1


def test_make_check_ends_with_what_was_not_checked(tmp_path: Path) -> None:
    left = tmp_path / "not-checked"
    left.write_text("Advisories: NOT CHECKED\n", "utf-8")
    steps = ["lint", "types", "imports", "lock-check", "secrets", "advisories", "package-check"]
    done = subprocess.run(
        ["make", "-s", "check", f"NOT_CHECKED={left}", *(f"-o{each}" for each in (*steps, "test"))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
    )
    assert (done.returncode, done.stderr) == (0, "Advisories: NOT CHECKED\n")


def letters(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(random.Random(7).choices(alphabet, k=count))


#: Made here, so that this file has none; `~` is taken out.
PLANTED = {
    name: text.replace("~", "") + "\n"
    for name, text in {
        "a live key of Stripe": f"KEY = 'sk_~live_{letters(24)}'",
        "an AWS key": f"id: AK~IA{letters(16, string.ascii_uppercase)}",
        "a private key": "-----BEGIN RSA PRI~VATE KEY-----\nMIIE",
        "a token": f"t = 'eyJ~hbGciOiJIUzI1NiJ9.ey~JzdWIiOiJhIn0.{letters(43)}'",
        "what signs webhooks": f"WEBHOOK_SEC~RET = 'whsec_{letters(32)}'",
        "a phrase to pass": "pass~word: correct-horse-battery",
        "a hexadecimal key": f"salt = '{letters(64, '0123456789abcdef')}'",
    }.items()
}


def checkout(folder: Path, text: str) -> Path:
    """A repository in which one file has the text, and one that isn't tracked has a key."""
    (folder / "settings.yaml").write_text(text)
    for command in (["init", "-q"], ["add", "settings.yaml"]):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    (folder / "untracked.txt").write_text(PLANTED["an AWS key"])
    return folder


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_secret_is_found(tmp_path: Path, name: str) -> None:
    root = checkout(tmp_path, f"# nothing\n{PLANTED[name]}")
    found = [one for one in suspects(root) if one.known is None]
    assert {(one.path, one.line) for one in found} == {("settings.yaml", 2)}


def test_the_command_fails_and_does_not_repeat_the_secret(tmp_path: Path) -> None:
    key = PLANTED["a live key of Stripe"]
    root = checkout(tmp_path, key)
    done = subprocess.run(
        [sys.executable, "-m", "scripts.find_secrets", "--root", str(root)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "settings.yaml:1: " in done.stderr
    assert key.split("'")[1] not in done.stdout + done.stderr


def test_what_is_known_to_be_none_passes_and_what_permits_nothing_is_named(tmp_path: Path) -> None:
    """`make secrets` looks through all of this checkout; this through one file of its kind."""
    found = list(suspects(checkout(tmp_path, "SEC~RET = 'whsec_of_words'\n".replace("~", ""))))
    assert [one.known is not None for one in found] == [True]
    assert set(vain(found)) == set(KNOWN) - {found[0].known}


def test_make_check_runs_both() -> None:
    lines = (ROOT / "Makefile").read_text("utf-8").splitlines()
    (check,) = [line for line in lines if line.startswith("check:")]
    assert {"secrets", "advisories"} <= set(check.partition("##")[0].split())
