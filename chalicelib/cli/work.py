"""Commands that do again, or anew, what the machinery does by itself."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import boto3
from botocore.config import Config

from chalicelib.adapters.sqs_dead_letters import DeadLetter
from chalicelib.cli import arguments
from chalicelib.cli.installation import function_name
from chalicelib.cli.terminal import Exit, Terminal
from chalicelib.domain.errors import CreditsError
from chalicelib.domain.money import format_usd
from chalicelib.wiring import now, services

#: The setting that names a queue, or for usage its dead letters.
QUEUES = {
    "usage": "rejected_usage_queue_url",
    "top-up": "top_up_queue_url",
    "payment-event": "payment_event_queue_url",
    "invoice": "invoice_queue_url",
}
#: As long as the function may run.
_FUNCTION_SECONDS = 900
_INVOICES_AT_ONCE = 100
_SHOWN_CHARACTERS = 200


def redrive(given: argparse.Namespace, terminal: Terminal) -> Exit:
    """Move dead letters back to their queue, or only show them."""
    dead = services().dead_letters(getattr(services().settings, QUEUES[given.queue]))
    about = min(dead.count(), given.most)
    moves = not given.list
    if moves and about and not terminal.may(f"move about {about} dead letters back to their queue"):
        moves = False
    shown: list[Mapping[str, object]] = []
    letters = dead.letters(most=given.most)
    for letter in terminal.progress(letters, of="dead letters", total=about):
        shown.append({"body": letter.body, "reason": letter.reason})
        terminal.say(_line(letter))
        if moves:
            dead.move_back(letter)
        else:
            dead.leave(letter)
    moved = len(shown) if moves else 0
    terminal.result({"queue": given.queue, "moved": moved, "letters": shown})
    terminal.say(f"{len(shown)} {'moved back' if moves else 'listed'}.")
    return Exit.DONE


def _line(letter: DeadLetter) -> str:
    body = letter.body.replace("\n", " ")
    shown = body if len(body) <= _SHOWN_CHARACTERS else f"{body[:_SHOWN_CHARACTERS]}…"
    return f"{shown}\n  {letter.reason}" if letter.reason else shown


def reconcile(given: argparse.Namespace, terminal: Terminal) -> Exit:
    """Compare Stripe's books with the ledger, and repair what a lost event explains."""
    if not terminal.may(f"compare {given.days} days of Stripe's books, and repair what was lost"):
        return Exit.DONE
    report = _by_function(given.stack, given.days) if given.stack else _here(given.days)
    terminal.result(report)
    terminal.say(as_text(report))
    return Exit.DONE if report["complete"] and report["in_line"] else Exit.NEEDS_A_PERSON


def as_text(report: Mapping[str, Any]) -> str:
    """The report of a reconciliation for a person."""
    lines = [
        f"Since {report['since']}: {report['payments']} payments.",
        f"Charged {report['charged']} = credited {report['credited']} + tax {report['tax']} USD.",
        f"Sent back {report['sent_back']} USD of it, and took {report['taken_back']} of credits.",
        f"Refunds and disputes looked at, of older payments, too: {report['reversals']}.",
    ]
    for finding in report["findings"]:
        state = "repaired" if finding["repaired"] else "OPEN"
        whose = f"{finding['organization_id'] or '?'} {finding['purchase_id'] or '?'}"
        words = f"{state}: {finding['difference']} {finding['payment_id']} {whose}"
        lines.append(f"  {words} {finding['detail']}".rstrip())
    if not report["complete"]:
        lines.append("Not everything was looked at: there is too much for one run.")
    left = [finding for finding in report["findings"] if not finding["repaired"]]
    lines.append(f"{len(left)} differences are left." if left else "Everything is in line.")
    return "\n".join(lines)


def _here(days: int) -> Mapping[str, Any]:
    report = services().reconciling.reconcile(window=timedelta(days=days), now=now())
    return report.body()


def _by_function(stack: str, days: int) -> Mapping[str, Any]:
    """Let the installation's own function do it, which has the time and the keys for it."""
    # No second try by the client: it would start a second run beside the first.
    patient = Config(read_timeout=_FUNCTION_SECONDS, retries={"total_max_attempts": 1})
    answer = (
        boto3.Session()
        .client("lambda", config=patient)
        .invoke(FunctionName=function_name(stack), Payload=json.dumps(_event({"days": days})))
    )
    body: dict[str, Any] = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise CreditsError(f"The function failed: {body}")
    return body


def _event(detail: Mapping[str, object]) -> Mapping[str, object]:
    empty = dict.fromkeys(("account", "time", "region"), "")
    names = {"detail-type": "Scheduled Event", "source": "gateway-credits"}
    return {"version": "0", "id": "by-hand", **names, **empty, "resources": [], "detail": detail}


def store_invoices(given: argparse.Namespace, terminal: Terminal) -> Exit:  # noqa: ARG001
    """Render and store the files of invoices that lack them."""
    waiting = len(services().invoicing.missing(_INVOICES_AT_ONCE))
    about = f"{waiting} or more" if waiting == _INVOICES_AT_ONCE else str(waiting)
    if waiting and not terminal.may(f"render and store {about} invoices"):
        return Exit.DONE
    stored, failed = list[str](), dict[str, str]()
    for organization_id, number in terminal.progress(_missing(failed), of="invoices"):
        try:
            services().invoicing.store(organization_id, number, now=now())
        except Exception as error:
            # Told, and left to the sweep; the others are stored all the same.
            terminal.note(f"{number} of {organization_id}: {error}")
            failed[number] = str(error)
        else:
            stored.append(number)
            terminal.say(f"{number} of {organization_id}")
    terminal.result({"stored": stored, "failed": failed})
    terminal.say(f"{len(stored)} stored, {len(failed)} failed.")
    return Exit.NEEDS_A_PERSON if failed else Exit.DONE


def _missing(failed: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Invoices without files, until there are none but those that failed."""
    while True:
        missing = [
            issued.invoice
            for issued in services().invoicing.missing(_INVOICES_AT_ONCE + len(failed))
            if issued.invoice.number not in failed
        ]
        if not missing:
            return
        for invoice in missing:
            yield invoice.organization_id, invoice.number


def rebuild_usage(given: argparse.Namespace, terminal: Terminal) -> Exit:
    """Make days of an organization's usage anew from the ledger."""
    last = given.last or given.first
    days = [given.first + timedelta(days=n) for n in range((last - given.first).days + 1)]
    if not terminal.may(f"make {len(days)} days of {given.organization}'s usage anew"):
        return Exit.DONE
    rebuilt: list[Mapping[str, object]] = []
    for day in terminal.progress(days, of="days", total=len(days)):
        try:
            rebuilt.append(_rebuild_day(given.organization, day, terminal))
        except CreditsError as error:
            terminal.note(f"{day}: {error}")
            terminal.result({"rebuilt": rebuilt, "failed": str(day)})
            return Exit.NEEDS_A_PERSON
    terminal.result({"rebuilt": rebuilt, "failed": None})
    return Exit.DONE


def _rebuild_day(organization_id: str, day: date, terminal: Terminal) -> Mapping[str, object]:
    rebuilt = services().rebuilding.rebuild(organization_id, day, now=now())
    spent, entries = format_usd(rebuilt.spent.amount_nanos), rebuilt.spent.entries
    terminal.say(f"{day}: {spent} USD were spent, in {entries} entries.")
    return {"day": day.isoformat(), "spent": spent, "entries": entries}


def _add_redrive(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("queue", choices=sorted(QUEUES), help="whose dead letters")
    parser.add_argument("--list", action="store_true", help="only show them, with their reasons")
    parser.add_argument("--most", type=arguments.positive, default=1000, help="how many (1000)")


def _add_reconcile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--days", type=arguments.positive, default=7, help="how far back (7)")


def _add_rebuild_usage(parser: argparse.ArgumentParser) -> None:
    arguments.add_organization(parser)
    parser.add_argument("first", metavar="DAY", type=arguments.day, help="such as 2026-11-23")
    parser.add_argument("last", metavar="LAST", type=arguments.day, nargs="?", help="the last day")


def _nothing(_: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


COMMANDS: Sequence[Mapping[str, object]] = (
    {
        "name": "redrive",
        "help": "move dead letters back to their queue",
        "description": (
            "Move dead letters back, once what failed them is mended. Whoever reads these queues\n"
            "may be told a thing twice, so a run that is broken off does no harm."
        ),
        "examples": ["redrive usage --list", "redrive payment-event --yes"],
        "arguments": _add_redrive,
        "run": redrive,
        "writes": True,
    },
    {
        "name": "reconcile",
        "help": "compare Stripe's books with the ledger, and repair",
        "description": (
            "Compare Stripe's payments, refunds and disputes with the ledger, and do what a lost\n"
            "event would have done. With --stack the installation's own function does it."
        ),
        "examples": ["reconcile --days 30 --yes", "reconcile --stack gateway-credits --days 30"],
        "arguments": _add_reconcile,
        "run": reconcile,
        "writes": True,
    },
    {
        "name": "store-invoices",
        "help": "render and store invoices that lack their files",
        "description": "Do now what the sweep does by and by, and say what was met.",
        "examples": ["store-invoices --dry-run", "store-invoices --yes"],
        "arguments": _nothing,
        "run": store_invoices,
        "writes": True,
    },
    {
        "name": "rebuild-usage",
        "help": "make days of usage anew from the ledger",
        "description": (
            "For days whose writes the stream forgot, as the metric WritesMissing tells; the\n"
            "earliest first."
        ),
        "examples": ["rebuild-usage acme 2026-11-23", "rebuild-usage acme 2026-11-01 2026-11-07"],
        "arguments": _add_rebuild_usage,
        "run": rebuild_usage,
        "writes": True,
    },
)
