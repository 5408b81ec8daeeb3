"""Commands that change what an account may do: suspend it, let it go on, close it for good."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from chalicelib.api.operating import closure_body, standing_body
from chalicelib.cli import arguments
from chalicelib.cli.terminal import Exit, Terminal
from chalicelib.domain.account import Account
from chalicelib.domain.ledger import Entry
from chalicelib.domain.money import format_usd
from chalicelib.usecases.suspending import Act
from chalicelib.wiring import now, services


def suspend(given: argparse.Namespace, terminal: Terminal) -> Exit:
    """Serve nothing more of an organization."""
    what = f'suspend {given.organization}, for "{given.reason}"'
    if not terminal.may(f"{what}: its requests are refused until it is resumed"):
        return Exit.DONE
    return _told(terminal, *services().suspending.suspend(_act(given), now=now()))


def resume(given: argparse.Namespace, terminal: Terminal) -> Exit:
    """Serve an organization again."""
    if not terminal.may(f'resume {given.organization}, for "{given.reason}"'):
        return Exit.DONE
    return _told(terminal, *services().suspending.resume(_act(given), now=now()))


def close(given: argparse.Namespace, terminal: Terminal) -> Exit:
    """Close an account for good, or go on with it."""
    if not terminal.may(_closing(given)):
        return Exit.DONE
    closure = services().closing.close(_act(given), refunds=given.refund, now=now())
    terminal.result(closure_body(closure))
    for purchase_id, nanos in closure.refunded_nanos.items():
        terminal.say(f"{format_usd(nanos)} USD of {purchase_id} were sent back.")
    terminal.say(f"{format_usd(closure.forfeited_nanos)} USD of credits were given up.")
    for left in closure.left:
        terminal.say(f"Left: {left}.")
    has = format_usd(closure.account.available_nanos)
    state = "closed" if closure.complete else "being closed: the same command goes on with it"
    terminal.say(f"{given.organization} has {has} USD and is {state}.")
    return Exit.DONE if closure.complete else Exit.NEEDS_A_PERSON


def _closing(given: argparse.Namespace) -> str:
    found = services()
    account = found.ledger.account(given.organization)
    purchases = len(found.purchases.open(given.organization))
    holds = len(found.closing.holds.open(given.organization))
    away = "send what was paid of them back to the cards" if given.refund else "give them up"
    has = format_usd(account.available_nanos)
    return (
        f'close {given.organization} for good, for "{given.reason}": turn auto top-up off, end '
        f"{purchases} open purchases and {holds} holds, take its {has} USD and {away}, and forget "
        "its cards"
    )


def _act(given: argparse.Namespace) -> Act:
    return Act(organization_id=given.organization, reason=given.reason, author=given.author)


def _told(terminal: Terminal, account: Account, entry: Entry | None) -> Exit:
    terminal.result(standing_body(account, entry))
    was = "is now" if entry is not None else "was already"
    word = account.standing.value
    terminal.say(f"{account.organization_id} {was} {word}.")
    return Exit.DONE


def _add_act(parser: argparse.ArgumentParser) -> None:
    arguments.add_organization(parser)
    arguments.add_act(parser)


def _add_close(parser: argparse.ArgumentParser) -> None:
    _add_act(parser)
    parser.add_argument(
        "--refund",
        action="store_true",
        help="send back what was paid and not used, newest first (default: it is given up)",
    )


COMMANDS: Sequence[Mapping[str, object]] = (
    {
        "name": "suspend",
        "help": "refuse an organization's requests until it is resumed",
        "description": (
            "Refuse access, deductions and holds with 403, and charge no card automatically.\n"
            "Usage that has happened is taken all the same. Reason and author go into the ledger."
        ),
        "examples": ['suspend acme --reason "chargebacks" --author ada'],
        "arguments": _add_act,
        "run": suspend,
        "writes": True,
    },
    {
        "name": "resume",
        "help": "serve a suspended organization again",
        "description": "Serve again, and look whether a top-up is due. It goes into the ledger.",
        "examples": ['resume acme --reason "paid by transfer" --author ada --yes'],
        "arguments": _add_act,
        "run": resume,
        "writes": True,
    },
    {
        "name": "close",
        "help": "close an organization's account for good",
        "description": (
            "Let nothing begin any more, turn auto top-up off, end what is open, refund or give\n"
            "up the credits, and forget the cards. The ledger and the invoices stay. What keeps\n"
            "it from being complete is said; the same command goes on with it."
        ),
        "examples": [
            'close acme --reason "cancelled by letter" --author ada --refund --dry-run',
            'close acme --reason "unpaid for a year" --author ada --yes',
        ],
        "arguments": _add_close,
        "run": close,
        "writes": True,
    },
)
