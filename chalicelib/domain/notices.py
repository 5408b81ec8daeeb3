"""Notices: what an organization should hear of, kept with the fact that it tells of.

A notice is saved in the write that makes its fact true, so there is none without the other. It is
passed on afterwards; docs/events.md says what each kind carries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.domain.account import Account
from chalicelib.domain.instant import format_instant
from chalicelib.domain.money import format_usd

#: The worker behind the table's stream has normally passed it on by then.
_FIRST_CHECK = timedelta(minutes=2)
_LONGEST_WAIT = timedelta(hours=6)
#: The waits double from two minutes up to six hours: the last attempt is three days later.
MAX_ATTEMPTS = 20
_ID_DIGITS = 16


class NoticeFailedError(Exception):
    """It may not have been passed on: it is to be passed on again."""


class NoticeKind(StrEnum):
    """What happened."""

    LOW_BALANCE = "credits.low_balance"
    EXHAUSTED = "credits.exhausted"
    RESTORED = "credits.restored"
    PURCHASE_SUCCEEDED = "purchase.succeeded"
    TOP_UP_SUCCEEDED = "top_up.succeeded"
    TOP_UP_FAILED = "top_up.failed"
    TOP_UP_PAUSED = "top_up.paused"
    TOP_UP_ACTION_REQUIRED = "top_up.action_required"
    REFUND_CREATED = "refund.created"
    DISPUTE_OPENED = "dispute.opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to tell.

    `fact` names what it tells of, such as an entry's key: for one kind and fact there is one
    notice, for ever. `data` is JSON-safe, amounts and times as the contract writes them.
    `published_at` and `mailed_at` say what was passed on; `check_at` is when the sweep sees to
    it, None once nothing is left to do. `version` guards each change.
    """

    organization_id: str
    kind: NoticeKind
    fact: str
    data: Mapping[str, object]
    created_at: datetime
    check_at: datetime | None
    published_at: datetime | None = None
    mailed_at: datetime | None = None
    attempts: int = 0
    version: int = 1

    @classmethod
    def of(
        cls,
        kind: NoticeKind,
        *,
        organization_id: str,
        fact: str,
        at: datetime,
        data: Mapping[str, object],
    ) -> Notice:
        """A new notice, to be saved with its fact."""
        return cls(
            organization_id=organization_id,
            kind=kind,
            fact=fact,
            data=data,
            created_at=at,
            check_at=at + _FIRST_CHECK,
        )

    @property
    def name(self) -> str:
        """What tells it from the organization's others."""
        return f"{self.kind.value}#{self.fact}"

    @property
    def id(self) -> str:
        """The event's id: it sorts by time, and is the same whenever it is told again."""
        said = f"{self.organization_id}\n{self.kind}\n{self.fact}"
        digest = hashlib.sha256(said.encode()).hexdigest()[:_ID_DIGITS]
        return f"evt_{int(self.created_at.timestamp() * 1000):012x}{digest}"

    @property
    def content(self) -> Mapping[str, object]:
        """The event as the contract has it."""
        return {
            "version": 1,
            "id": self.id,
            "type": self.kind.value,
            "organization_id": self.organization_id,
            "created_at": format_instant(self.created_at),
            "data": self.data,
        }

    def claimed(self, now: datetime) -> Notice:
        """In the hands of one who passes it on; who dies over it is followed after a while."""
        wait = min(_FIRST_CHECK * 2**self.attempts, _LONGEST_WAIT)
        return replace(
            self, attempts=self.attempts + 1, check_at=now + wait, version=self.version + 1
        )

    def published(self, now: datetime) -> Notice:
        """On the bus; the mail is not yet seen to."""
        return replace(self, published_at=now, version=self.version + 1)

    def done(self, *, mailed_at: datetime | None) -> Notice:
        """Passed on as far as it is to be."""
        return replace(self, mailed_at=mailed_at, check_at=None, version=self.version + 1)

    @property
    def worn_out(self) -> bool:
        """Whether it was tried often enough: what fails now is given up."""
        return self.attempts >= MAX_ATTEMPTS


def kind_and_fact(name: str) -> tuple[NoticeKind, str]:
    """The parts of a notice's name."""
    kind, _, fact = name.partition("#")
    return NoticeKind(kind), fact


def low_balance(account: Account, *, fact: str, at: datetime) -> Notice:
    """The account fell below the balance at which somebody must act."""
    return Notice.of(
        NoticeKind.LOW_BALANCE,
        organization_id=account.organization_id,
        fact=fact,
        at=at,
        data={
            "available": format_usd(account.available_nanos),
            "threshold": format_usd(account.floor_nanos),
            "auto_top_up": account.tops_up,
        },
    )


def exhausted(account: Account, *, fact: str, at: datetime) -> Notice:
    """The account, as it is afterwards, has nothing left: requests are refused from now on."""
    return _about_balance(NoticeKind.EXHAUSTED, account, fact=fact, at=at)


def restored(account: Account, *, fact: str, at: datetime) -> Notice:
    """The account, as it is afterwards, has credits again: requests are served from now on."""
    return _about_balance(NoticeKind.RESTORED, account, fact=fact, at=at)


def _about_balance(kind: NoticeKind, account: Account, *, fact: str, at: datetime) -> Notice:
    return Notice.of(
        kind,
        organization_id=account.organization_id,
        fact=fact,
        at=at,
        data={"available": format_usd(account.available_nanos), "auto_top_up": account.tops_up},
    )
