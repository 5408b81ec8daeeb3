"""Commands about accounts as they are: looking at them, auditing them, rebuilding them."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from chalicelib.api.presenting import entry_body
from chalicelib.cli import arguments
from chalicelib.cli.terminal import Exit, Terminal
from chalicelib.config import SettingsError
from chalicelib.domain.errors import BusyError, ConflictError
from chalicelib.domain.ledger import Entry
from chalicelib.domain.money import format_usd
from chalicelib.domain.stored_account import Comparison
from chalicelib.ports import Window
from chalicelib.usecases.restoring import Repair
from chalicelib.wiring import now, services

_PAGE = 100
_COLUMNS = (
    "created_at", "id", "type", "amount", "available_change", "held_change", "project_id",
    "overdrawn", "cause", "details",
)  # fmt: skip


def balance(given: argparse.Namespace, terminal: Terminal) -> Exit:
    """Show the account and its standing order."""
    account = services().ledger.account(given.organization)
    top_up = services().top_ups.get(given.organization)
    body = {
        "organization_id": account.organization_id,
        "available": format_usd(account.available_nanos),
        "held": format_usd(account.held_nanos),
        "status": account.status.value,
        "standing": account.standing.value,
        "auto_top_up": {
            "enabled": top_up.enabled,
            "threshold": format_usd(top_up.threshold_nanos),
            "amount": format_usd(top_up.amount_nanos),
            "status": top_up.status.value,
        },
    }
    terminal.result(body)
    terminal.say(f"{account.organization_id} is {account.status.value}, {account.standing.value}.")
    terminal.say(f"{body['available']} USD are available, {body['held']} USD are held.")
    if top_up.enabled:
        words = f"{format_usd(top_up.amount_nanos)} USD below {format_usd(top_up.threshold_nanos)}"
        terminal.say(f"Auto top-up buys {words}, and is {top_up.status.value}.")
    return Exit.DONE


def audit(given: argparse.Namespace, terminal: Terminal) -> Exit:
    """Hold accounts against their ledger."""
    found: list[Comparison] = []
    busy: list[str] = []
    late: list[str] = []
    for organization_id in terminal.progress(_chosen(given), of="accounts", total=_total(given)):
        try:
            checked = services().auditing.check(organization_id)
        except BusyError as error:
            busy.append(organization_id)
            terminal.note(str(error))
            continue
        found.append(checked)
        if checked.paid_after_closing:
            late.append(organization_id)
            terminal.say(f"{organization_id} is closed and has credits: close it again.")
        if not checked.in_line:
            terminal.say(_as_text(checked))
    wrong = [each for each in found if not each.in_line]
    terminal.result({
        "checked": len(found), "busy": busy, "not_in_line": [_body(each) for each in wrong],
            "closed_with_credits": late,
    })  # fmt: skip
    terminal.say(f"{len(found)} accounts checked, {len(wrong)} not in line, {len(busy)} too busy.")
    return Exit.NEEDS_A_PERSON if wrong or late else Exit.BUSY if busy else Exit.DONE


def rebuild(given: argparse.Namespace, terminal: Terminal) -> Exit:
    """Store what the ledger says where the account says something else."""
    changed: list[Mapping[str, object]] = []
    open_: list[str] = []
    for organization_id in terminal.progress(_chosen(given), of="accounts", total=_total(given)):
        try:
            checked = services().auditing.check(organization_id)
            if not checked.holds_in_line and checked.ledger_whole:
                open_.append(organization_id)
            if checked.in_line:
                continue
            terminal.say(_as_text(checked))
            act = f"store the account of {organization_id} as its ledger has it"
            if not checked.account_in_line and terminal.may(act):
                repair = services().restoring.repair(organization_id, now=now())
                changed.append(_log(repair, terminal))
        except (BusyError, ConflictError) as error:
            open_.append(organization_id)
            terminal.note(str(error))
    terminal.result({"rebuilt": changed, "left": open_})
    terminal.say(f"{len(changed)} accounts rebuilt, {len(open_)} left.")
    return Exit.NEEDS_A_PERSON if open_ else Exit.DONE


def export(given: argparse.Namespace, terminal: Terminal) -> Exit:
    """Write the ledger's entries to a file, or to standard output."""
    until = None if given.to is None else arguments.begin_of(given.to) + timedelta(days=1)
    since = None if given.since is None else arguments.begin_of(given.since)
    entries = _entries(given.organization, Window(limit=_PAGE, since=since, until=until))
    with ExitStack() as stack:
        out: Any = sys.stdout
        if given.output is not None:
            out = stack.enter_context(given.output.open("w", encoding="utf-8", newline=""))
        writer = csv.writer(out)
        if given.format == "csv":
            writer.writerow(_COLUMNS)
        for entry in terminal.progress(entries, of="entries"):
            body = entry_body(entry)
            if given.format == "jsonl":
                out.write(json.dumps(body, ensure_ascii=False) + "\n")
                continue
            details = json.dumps(body["details"], ensure_ascii=False)
            writer.writerow([{**body, "details": details}[name] for name in _COLUMNS])
    return Exit.DONE


def _entries(organization_id: str, window: Window) -> Iterator[Entry]:
    while True:
        page = services().ledger.entries(organization_id, window)
        yield from page.items
        if page.after is None:
            return
        window = replace(window, after=page.after)


def _chosen(given: argparse.Namespace) -> Sequence[str] | Iterator[str]:
    if bool(given.organizations) == given.all:
        raise SettingsError("Name organizations, or say --all.")
    return services().auditing.organizations() if given.all else given.organizations


def _total(given: argparse.Namespace) -> int | None:
    return None if given.all else len(given.organizations)


def _as_text(checked: Comparison) -> str:
    lines = [f"{checked.organization_id}, by {checked.entries} entries:"]
    return "\n  ".join([*lines, *checked.differences])


def _body(checked: Comparison) -> Mapping[str, object]:
    return {
        "organization_id": checked.organization_id,
        "entries": checked.entries,
        "stored": checked.stored and checked.stored.described(),
        "by_the_ledger": checked.expected.described(),
        "open_holds": format_usd(checked.open_holds_nanos),
        "differences": list(checked.differences),
    }


def _log(repair: Repair, terminal: Terminal) -> Mapping[str, object]:
    """Say what was there before and what is there now, so that it can be undone by hand."""
    organization_id = repair.comparison.organization_id
    before = repair.comparison.stored and repair.comparison.stored.described()
    after = repair.stored and repair.stored.described()
    terminal.say(f"{organization_id} before: {json.dumps(before)}")
    terminal.say(f"{organization_id} after:  {json.dumps(after)}")
    return {"organization_id": organization_id, "before": before, "after": after}


def _add_export(parser: argparse.ArgumentParser) -> None:
    arguments.add_organization(parser)
    parser.add_argument("--format", choices=["csv", "jsonl"], default="jsonl")
    parser.add_argument("--since", type=arguments.day, help="the first day, such as 2026-11-01")
    parser.add_argument("--to", type=arguments.day, help="the last day")
    parser.add_argument("--output", type=Path, metavar="FILE", help="instead of standard output")


COMMANDS: Sequence[Mapping[str, object]] = (
    {
        "name": "balance",
        "help": "show an account",
        "description": "Show what an organization has, and whether it is served.",
        "examples": ["balance acme", "balance acme --stack gateway-credits --json"],
        "arguments": arguments.add_organization,
        "run": balance,
        "writes": False,
    },
    {
        "name": "audit",
        "help": "hold accounts against their ledger",
        "description": (
            "Add up every entry of the ledger, and compare with the account and its open holds.\n"
            "It is exact beside traffic: an account that moves meanwhile is looked at again."
        ),
        "examples": ["audit acme", "audit --all --stack gateway-credits"],
        "arguments": arguments.add_organizations,
        "run": audit,
        "writes": False,
    },
    {
        "name": "rebuild-accounts",
        "help": "make accounts anew from their ledger",
        "description": (
            "Store available, held, headroom, floor, standing and the count of writes as the\n"
            "ledger and the standing order have them, where the account says something else or\n"
            "is missing. Safe beside traffic, and a second time. No entry is ever touched; before\n"
            "and after are printed."
        ),
        "examples": ["rebuild-accounts --all --dry-run", "rebuild-accounts acme --yes"],
        "arguments": arguments.add_organizations,
        "run": rebuild,
        "writes": True,
    },
    {
        "name": "export",
        "help": "write an account's ledger to a file",
        "description": "Write every entry of an organization, newest first, as JSON lines or CSV.",
        "examples": [
            "export acme --format csv --output acme.csv",
            "export acme --since 2026-11-01",
        ],
        "arguments": _add_export,
        "run": export,
        "writes": False,
    },
)
