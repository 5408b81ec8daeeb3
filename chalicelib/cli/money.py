"""Commands that move money by an operator's decision: adjustments and refunds."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from chalicelib.api.operating import refund_answer
from chalicelib.api.presenting import entry_body
from chalicelib.cli import arguments
from chalicelib.cli.terminal import Exit, Terminal
from chalicelib.domain.errors import NotFoundError
from chalicelib.domain.money import cents_to_nanos, format_usd
from chalicelib.usecases.adjusting import Adjustment
from chalicelib.usecases.refunding import RefundOrder
from chalicelib.wiring import now, services

_CREATED = 201


def adjust(given: argparse.Namespace, terminal: Terminal) -> Exit:
    """Give credits, or take them, by an entry in the ledger."""
    key = arguments.key_of(given)
    verb, amount = ("take", -given.amount) if given.amount < 0 else ("give", given.amount)
    has = format_usd(services().ledger.account(given.organization).available_nanos)
    what = f"{format_usd(amount)} USD {'from' if given.amount < 0 else 'to'} {given.organization}"
    if not terminal.may(f'{verb} {what}, which has {has}, for "{given.reason}"'):
        return Exit.DONE
    terminal.note(f"The key is {key}: with it, the same command changes nothing again.")
    adjustment = Adjustment(
        organization_id=given.organization,
        amount_nanos=given.amount,
        reason=given.reason,
        author=given.author,
    )
    entry, replayed = services().adjusting.adjust(adjustment, key=key, now=now())
    terminal.result({**entry_body(entry), "replayed": replayed})
    told = "was made before, and nothing was changed now" if replayed else "was made"
    left = format_usd(services().ledger.account(given.organization).available_nanos)
    terminal.say(f"Entry {entry.id} {told}. {given.organization} has {left} USD.")
    return Exit.DONE


def refund(given: argparse.Namespace, terminal: Terminal) -> Exit:
    """Send a purchase's money back to its card, and take its credits."""
    key = arguments.key_of(given)
    purchase = services().purchases.get(given.organization, given.purchase)
    if purchase is None:
        raise NotFoundError("There is no such purchase.")
    left_nanos = cents_to_nanos(purchase.refundable_cents)
    amount = format_usd(left_nanos if given.amount is None else given.amount)
    card = f"{purchase.card.brand} {purchase.card.last4}"
    act = f'send {amount} USD of {given.purchase} back to {card}, for "{given.reason}"'
    if not terminal.may(f"{act} ({format_usd(left_nanos)} are left of it)"):
        return Exit.DONE
    terminal.note(f"The key is {key}: with it, the same command sends nothing back again.")
    order = RefundOrder(
        organization_id=given.organization,
        purchase_id=given.purchase,
        amount_nanos=given.amount,
        reason=given.reason,
        ordered_by=given.author,
    )
    answer, replayed = services().refunding.refund(order, key=key, present=refund_answer, now=now())
    terminal.result({**answer.body, "replayed": replayed})
    if answer.status != _CREATED:
        terminal.note(f"Refused: {answer.body['detail']}")
        return Exit.REFUSED
    note = answer.body["credit_note"]
    number = f", credit note {note['number']}" if isinstance(note, dict) else ""
    terminal.say(f"Refund {answer.body['id']} {answer.body['status']}{number}.")
    return Exit.DONE


def _add_adjust(parser: argparse.ArgumentParser) -> None:
    arguments.add_organization(parser)
    parser.add_argument(
        "amount",
        metavar="AMOUNT",
        type=arguments.signed_amount,
        help="US dollars with one to nine decimals; a minus takes",
    )
    arguments.add_act(parser)
    arguments.add_key(parser)


def _add_refund(parser: argparse.ArgumentParser) -> None:
    arguments.add_organization(parser)
    parser.add_argument("purchase", metavar="PURCHASE", help="its id, pur_…")
    parser.add_argument(
        "--amount",
        type=arguments.card_amount,
        help="of the card's money, tax included, in whole cents (default: all that is left)",
    )
    arguments.add_act(parser)
    arguments.add_key(parser)


COMMANDS: Sequence[Mapping[str, object]] = (
    {
        "name": "adjust",
        "help": "give credits, or take them, by an entry with reason and author",
        "description": "Make an adjustment entry. It may take the balance below zero.",
        "examples": [
            'adjust acme 25.00 --reason "goodwill, ticket 4711" --author ada',
            'adjust acme -1.50 --reason "counted twice" --author ada --key ticket-4712 --yes',
        ],
        "arguments": _add_adjust,
        "run": adjust,
        "writes": True,
    },
    {
        "name": "refund",
        "help": "send a purchase's money back to its card",
        "description": "Send money back by Stripe, take the credits, and issue a credit note.",
        "examples": [
            'refund acme pur_0193 --reason "bought by mistake" --author ada --dry-run',
            'refund acme pur_0193 --amount 10.00 --reason "part unused" --author ada',
        ],
        "arguments": _add_refund,
        "run": refund,
        "writes": True,
    },
)
