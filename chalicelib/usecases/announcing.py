"""The ledger as the use cases have it: no credits run out, or return, without being told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.domain.account import Account
from chalicelib.domain.crossing import NO_NEWS, news_of, notices_of
from chalicelib.domain.errors import BusyError
from chalicelib.domain.ledger import Entry
from chalicelib.domain.write import NotCovered, Outcome, Write
from chalicelib.ports import Ledger, Page, Window

#: Only a balance that crosses zero or the threshold between any two tries makes another necessary.
_ATTEMPTS = 20


class AnnouncingLedger:
    """The Ledger port around another one, that adds the notices of what a write makes true.

    A write is first made as if it made no news: that costs nothing, and almost always is so. When
    it isn't, the refusal brings the account, and the write is made again with its notices.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def commit(self, write: Write) -> Outcome:
        """See the port."""
        change_nanos = write.available_nanos
        if not change_nanos:
            return self._ledger.commit(write)
        told = replace(write, news=NO_NEWS)
        for _ in range(_ATTEMPTS):
            outcome = self._ledger.commit(told)
            if not isinstance(outcome, NotCovered):
                return outcome
            account = outcome.account
            news = news_of(account, change_nanos)
            if news == told.news or not write.cover.holds(account, -change_nanos):
                return outcome
            fact = write.entries[0].key
            notices = notices_of(news, account, change_nanos, fact=fact, at=write.at)
            told = replace(write, news=news, saves=(*write.saves, *notices))
        raise BusyError("The account is very busy; please try again.")

    def account(self, organization_id: str) -> Account:
        """See the port."""
        return self._ledger.account(organization_id)

    def entry(self, organization_id: str, key: str) -> Entry | None:
        """See the port."""
        return self._ledger.entry(organization_id, key)

    def entries(self, organization_id: str, window: Window) -> Page[Entry]:
        """See the port."""
        return self._ledger.entries(organization_id, window)

    def low_accounts(self, limit: int) -> Sequence[str]:
        """See the port."""
        return self._ledger.low_accounts(limit)
