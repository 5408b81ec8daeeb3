"""The operator's commands on tables, queues and a Stripe of their own: words and exit codes."""

from __future__ import annotations

import io
import json
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chalicelib.cli.installation import ENVIRONMENT_FILE
from chalicelib.cli.main import main
from chalicelib.wiring import graph, services
from devstack.emulator import Emulator
from tests.functional.api import Api, running_api

ACT = ["--reason", "a test", "--author", "olga"]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def api(emulator: Emulator) -> Iterator[Api]:
    with running_api(emulator) as running:
        yield running


@pytest.fixture
def org(api: Api) -> str:
    graph.cache_clear()  # another test may have spoilt the environment
    name = f"cli-{uuid.uuid4().hex[:8]}"
    api.fund(name, "40.00")
    return name


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command at no terminal; gives its exit code, output and errors."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))

    def command(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(words)
        told = capsys.readouterr()
        return code, told.out, told.err

    return command


def available(api: Api, org: str) -> str:
    return str(api.call("GET", f"{org}/credits", scope="credits:read").json()["available"])


def test_a_balance_is_told_to_people_and_to_programs(run: Run, org: str) -> None:
    code, told, _ = run("balance", org)
    assert code == 0
    assert f"{org} is active, open." in told
    assert "40.00 USD are available, 0.00 USD are held." in told
    body = json.loads(run("balance", org, "--json")[1])
    assert (body["available"], body["standing"]) == ("40.00", "open")


def test_an_adjustment_is_made_once_for_its_key_with_reason_and_author(
    api: Api, run: Run, org: str
) -> None:
    words = ["adjust", org, "-1.50", *ACT, "--key", f"k-{org}"]
    code, told, _ = run(*words, "--dry-run")
    assert code == 0
    assert told == f'Would take 1.50 USD from {org}, which has 40.00, for "a test".\n'
    assert available(api, org) == "40.00"
    assert run(*words, "--yes")[0] == 0
    code, told, _ = run(*words, "--yes")
    assert (code, available(api, org)) == (0, "38.50")
    assert "was made before, and nothing was changed now" in told
    body = json.loads(run(*words, "--yes", "--json")[1])
    assert body["details"] == {"reason": "a test", "author": "olga"}
    assert body["replayed"] is True
    code, _, error = run("adjust", org, "-2.00", *ACT, "--key", f"k-{org}", "--yes")
    assert (code, error.splitlines()[-1].partition(":")[0]) == (3, "Refused")


def test_a_refund_goes_back_once_and_what_is_too_much_is_refused(
    api: Api, run: Run, org: str
) -> None:
    history = api.call("GET", f"{org}/transactions", scope="credits:read").json()["data"]
    purchase = history[0]["id"]
    words = ["refund", org, purchase, "--amount", "15.00", *ACT, "--key", "once"]
    code, told, _ = run(*words, "--dry-run")
    assert code == 0
    assert "Would send 15.00 USD" in told
    assert "back to visa 4242" in told
    assert available(api, org) == "40.00"
    assert "succeeded, credit note" in run(*words, "--yes")[1]
    assert run(*words, "--yes")[0] == 0
    assert available(api, org) == "25.00"
    assert run("refund", org, purchase, "--amount", "99.00", *ACT, "--yes")[0] == 3
    assert run("refund", org, "pur_none", *ACT, "--yes")[0] == 3


def test_an_account_is_suspended_and_resumed(api: Api, run: Run, org: str) -> None:
    assert run("suspend", org, *ACT, "--dry-run")[0] == 0
    assert services().ledger.account(org).standing.value == "open"
    assert run("suspend", org, *ACT, "--yes")[1] == f"{org} is now suspended.\n"
    assert run("suspend", org, *ACT, "--yes")[1] == f"{org} was already suspended.\n"
    body = json.loads(run("resume", org, *ACT, "--yes", "--json")[1])
    assert (body["standing"], body["entry"]["type"]) == ("open", "resumption")


def test_an_account_is_closed_and_its_money_sent_back(api: Api, run: Run, org: str) -> None:
    words = ["close", org, *ACT, "--refund"]
    code, told, _ = run(*words, "--dry-run")
    assert code == 0
    assert f"Would close {org} for good" in told
    assert "end 0 open purchases and 0 holds, take its 40.00 USD and send" in told
    assert available(api, org) == "40.00"
    code, told, _ = run(*words, "--yes")
    assert (code, available(api, org)) == (0, "0.00")
    assert told.splitlines()[-1] == f"{org} has 0.00 USD and is closed."
    assert run("resume", org, *ACT, "--yes")[0] == 3
    assert run("adjust", org, "3.00", *ACT, "--yes")[0] == 0
    code, told, _ = run("audit", org)
    assert (code, told.splitlines()[0]) == (1, f"{org} is closed and has credits: close it again.")
    assert run(*words, "--yes")[1].splitlines()[-1] == f"{org} has 0.00 USD and is closed."
    assert run("audit", org)[0] == 0
    assert run("close", org, *ACT, "--yes")[0] == 3, "it was closed the other way"


def test_nothing_is_done_that_nobody_confirmed(
    api: Api, run: Run, org: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, error = run("adjust", org, "5.00", *ACT)
    assert (code, available(api, org)) == (4, "40.00")
    assert "say --yes" in error
    for answer, expected, left in (("n\n", 4, "40.00"), ("y\n", 0, "45.00")):
        terminal = io.StringIO(answer)
        monkeypatch.setattr(terminal, "isatty", lambda: True)
        monkeypatch.setattr(sys, "stdin", terminal)
        code, _, error = run("adjust", org, "5.00", *ACT)
        assert (code, available(api, org)) == (expected, left)
        assert "Go on? [y/N]" in error


def test_a_ledger_is_exported_whole_as_lines_and_as_a_table(
    api: Api, run: Run, org: str, tmp_path: Path
) -> None:
    for number in range(3):
        body = {"amount": "1.00"}
        api.call("POST", f"{org}/deductions", body=body, scope="gateway", key=f"{org}{number}")
    code, told, _ = run("export", org)
    entries = [json.loads(line) for line in told.splitlines()]
    assert (code, len(entries)) == (0, 4)
    assert entries[-1]["type"] == "purchase"
    file = tmp_path / "ledger.csv"
    assert run("export", org, "--format", "csv", "--output", str(file))[0] == 0
    lines = file.read_text().splitlines()
    assert lines[0].startswith("created_at,id,type,amount")
    assert len(lines) == 5
    assert run("export", org, "--to", "2001-01-01")[1] == ""


def test_an_audit_of_one_account_or_of_all_is_in_line(run: Run, org: str) -> None:
    assert run("audit", org)[1] == "1 accounts checked, 0 not in line, 0 too busy.\n"
    body = json.loads(run("audit", "--all", "--json")[1])
    assert (body["not_in_line"], body["busy"]) == ([], [])
    assert body["checked"] >= 1


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["audit"],
        ["audit", "--all", "acme"],
        ["balance", "a b"],
        ["adjust", "acme", "0.00", *ACT],
        ["adjust", "acme", "5", *ACT],
        ["adjust", "acme", "5.00", "--reason", "x"],
        ["adjust", "acme", "5.00", "--reason", " ", "--author", "olga"],
        ["refund", "acme", "pur_1", "--amount", "0.005", *ACT],
        ["redrive", "nothing"],
        ["reconcile", "--days", "0"],
        ["rebuild-usage", "acme", "today"],
        ["no-such-command"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_read_ends_with_2(api: Api, run: Run, words: list[str]) -> None:
    code, told, error = run(*words)
    assert (code, told) == (2, "")
    assert error


def test_without_an_installation_it_is_said_how_to_name_one(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("chalicelib.cli.installation.ENVIRONMENT_FILE", tmp_path / "none.json")
    monkeypatch.delenv("ACCOUNTS_TABLE", raising=False)
    code, _, error = run("balance", "acme")
    assert code == 2
    assert "make run" in error
    assert "--stack" in error
    assert ENVIRONMENT_FILE.parent.name == ".local"
    graph.cache_clear()


def test_an_installation_that_lacks_a_setting_is_told_which(
    api: Api, run: Run, org: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LEDGER_TABLE")
    code, _, error = run("balance", org)
    assert (code, error) == (2, "The environment variable LEDGER_TABLE is missing.\n")


def test_an_installation_is_named_by_a_file_of_its_variables(
    api: Api, run: Run, org: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "environment.json"
    tables = services().settings.environment
    file.write_text(json.dumps({k: v for k, v in tables.items() if k.endswith("_TABLE")}))
    monkeypatch.setenv("ACCOUNTS_TABLE", "another")
    assert run("balance", org)[0] == 2
    assert run("balance", org, "--environment", str(file))[0] == 0
