"""What commands take from the command line: each kind of argument read and checked in one place."""

from __future__ import annotations

import argparse
import re
import uuid
from datetime import UTC, date, datetime, time

from chalicelib.domain.money import MAX_NANOS, NANOS_PER_CENT, parse_usd

_ORGANIZATION_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SENTENCE = re.compile(r"(?=.*\S)[^\x00-\x1f\x7f]{1,200}")


def organization(text: str) -> str:
    """An organization's id."""
    if _ORGANIZATION_ID.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not 1 to 64 of A-Z a-z 0-9 _ -")
    return text


def sentence(text: str) -> str:
    """A reason, or a name."""
    if _SENTENCE.fullmatch(text) is None:
        raise argparse.ArgumentTypeError("must be 1 to 200 characters in one line")
    return text.strip()


def signed_amount(text: str) -> int:
    """An amount that may be negative, but not zero, in nano-dollars."""
    nanos = _amount(text, signed=True)
    if not 0 < abs(nanos) < MAX_NANOS:
        raise argparse.ArgumentTypeError("must not be zero")
    return nanos


def card_amount(text: str) -> int:
    """An amount of whole cents above zero, in nano-dollars."""
    nanos = _amount(text, signed=False)
    if nanos <= 0 or nanos % NANOS_PER_CENT:
        raise argparse.ArgumentTypeError("must be whole cents, and more than zero")
    return nanos


def day(text: str) -> date:
    """A day, such as 2026-11-23."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2026-11-23") from None


def begin_of(found: date) -> datetime:
    """Its first moment, in UTC."""
    return datetime.combine(found, time(), tzinfo=UTC)


def positive(text: str) -> int:
    """A whole number above zero."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above zero")
    return int(text)


def add_organization(parser: argparse.ArgumentParser) -> None:
    """The one organization that the command is about."""
    parser.add_argument("organization", metavar="ORG", type=organization, help="its id")


def add_organizations(parser: argparse.ArgumentParser) -> None:
    """Organizations by name, or all of them."""
    parser.add_argument(
        "organizations", metavar="ORG", type=organization, nargs="*", help="ids of organizations"
    )
    parser.add_argument("--all", action="store_true", help="every organization there is")


def add_act(parser: argparse.ArgumentParser) -> None:
    """Why it is done, and by whom: kept with it for ever."""
    parser.add_argument("--reason", required=True, type=sentence, help="why; kept for ever")
    parser.add_argument("--author", required=True, type=sentence, help="who; kept for ever")


def add_key(parser: argparse.ArgumentParser) -> None:
    """The idempotency key."""
    parser.add_argument(
        "--key",
        type=sentence,
        default=None,
        help="the Idempotency-Key: the same key changes nothing a second time (default: a new one)",
    )


def key_of(given: argparse.Namespace) -> str:
    """The key that was given, or a new one."""
    return given.key or f"cli-{uuid.uuid4()}"


def _amount(text: str, *, signed: bool) -> int:
    try:
        return parse_usd(text, signed=signed)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}") from None
