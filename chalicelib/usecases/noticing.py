"""Passing notices on: to the bus for everybody who listens, by mail to the people who pay.

The stream of the notices' table and the sweep both come here. Who claims a notice passes it on;
what a crash left is due again after a while, so a listener may hear of it twice, with the same id.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.notices import Notice, NoticeFailedError, NoticeKind
from chalicelib.domain.write import Committed, Write
from chalicelib.ports import Customers, Events, Ledger, Mail, Notices

#: What a person should read in a letter; the rest is for machines and for the page.
MAILED = frozenset(
    {
        NoticeKind.LOW_BALANCE,
        NoticeKind.EXHAUSTED,
        NoticeKind.RESTORED,
        NoticeKind.TOP_UP_SUCCEEDED,
        NoticeKind.TOP_UP_FAILED,
        NoticeKind.TOP_UP_PAUSED,
        NoticeKind.TOP_UP_ACTION_REQUIRED,
        NoticeKind.DISPUTE_OPENED,
    }
)


class Passing(StrEnum):
    """What became of a notice."""

    PASSED_ON = "passed_on"
    #: Passed on before, or in the hands of another process.
    NOTHING_TO_DO = "nothing_to_do"
    #: To be tried again.
    FAILED = "failed"
    #: Failed too often.
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticing:
    """Passes notices on; without `mail` there is nobody who could write letters."""

    ledger: Ledger
    notices: Notices
    customers: Customers
    events: Events
    mail: Mail | None

    def pass_on(self, organization_id: str, name: str, *, now: datetime) -> Passing:
        """Pass on the notice with that name, as it is now."""
        notice = self.notices.get(organization_id, name)
        if notice is None or notice.check_at is None:
            return Passing.NOTHING_TO_DO
        # The first attempt is anybody's; after it, only who finds the claim run out.
        if notice.attempts and now < notice.check_at:
            return Passing.NOTHING_TO_DO
        return self._pass_on(notice, now=now)

    def _pass_on(self, notice: Notice, *, now: datetime) -> Passing:
        notice = notice.claimed(now)
        if not self._save(notice, now=now):
            return Passing.NOTHING_TO_DO
        try:
            if notice.published_at is None:
                self.events.publish(notice)
                notice = notice.published(now)
                # Kept before the mail, which is slower and fails more often.
                self._save(notice, now=now)
            mailed = self._write_letter(notice)
        except NoticeFailedError:
            if not notice.worn_out:
                return Passing.FAILED
            self._save(notice.done(mailed_at=None), now=now)
            return Passing.GIVEN_UP
        self._save(notice.done(mailed_at=now if mailed else None), now=now)
        return Passing.PASSED_ON

    def _write_letter(self, notice: Notice) -> bool:
        if self.mail is None or notice.kind not in MAILED or _said_better(notice):
            return False
        details = self.customers.get(notice.organization_id).billing_details
        if details is None or details.email is None:
            return False
        self.mail.send(notice, to=details.email, name=details.name)
        return True

    def _save(self, notice: Notice, *, now: datetime) -> bool:
        write = Write(organization_id=notice.organization_id, at=now, saves=(notice,))
        return isinstance(self.ledger.commit(write), Committed)


def _said_better(notice: Notice) -> bool:
    """The failure that paused auto top-up: the letter about the pause says it, too."""
    return notice.kind is NoticeKind.TOP_UP_FAILED and notice.data.get("paused") is True
