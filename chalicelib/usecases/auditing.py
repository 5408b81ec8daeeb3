"""Proving law 1 in production: an account is what the entries of its history come to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.domain.audit import Audit
from chalicelib.domain.errors import BusyError
from chalicelib.ports import Audits, Pause

#: Longer than any process takes from its time to its last try of a write: what is older is summed
#: once, and only what is younger again while writes go on.
_SETTLED_AFTER = timedelta(hours=1)
#: With their pauses about two seconds, in which a busy account rests for a moment, and an index
#: shows what was written.
_ATTEMPTS = 8

#: A run that samples begins with another part of the accounts each time: with parts of about one
#: account each, none is for ever behind one with a long history. DynamoDB allows no more parts.
_MOST_PARTS = 1_000_000
#: What one run reads, and the longest history in it: minutes of a function's time.
_MOST_WRITES = 200_000
_LONGEST_HISTORY = 100_000
#: An account costs its own reads even if it has no history.
_WRITES_PER_ACCOUNT = 20


@dataclass(slots=True, kw_only=True)
class Sample:
    """What a run found.

    `unsettled` never rested long enough to be compared, and `too_long` have a history that a run
    has no time for: both must be looked at one by one. `complete` says that no
    account was left for the next runs.
    """

    checked: int = 0
    mismatches: list[Audit] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    too_long: list[str] = field(default_factory=list)
    failures: list[tuple[str, Exception]] = field(default_factory=list)
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditing:
    """Compares accounts with their entries; changes nothing."""

    audits: Audits
    pause: Pause

    def check(self, organization_id: str, *, now: datetime) -> Audit:
        """The account beside its entries' sums, both after the same write.

        It reads the whole history, however long that is.

        Raises:
            BusyError: if the account never rested long enough.
        """
        settled_until = now - _SETTLED_AFTER
        settled = self.audits.sums(organization_id, until=settled_until)
        for attempt in range(_ATTEMPTS):
            before = self.audits.balance(organization_id)
            sums = settled + self.audits.sums(organization_id, since=settled_until)
            account = self.audits.balance(organization_id)
            if account.writes == before.writes == sums.writes:
                return Audit(account=account, entries=sums)
            # Something was written meanwhile, or the index doesn't show all of it yet.
            self.pause(attempt)
        before = self.audits.balance(organization_id)
        sums = self.audits.sums(organization_id)
        account = self.audits.balance(organization_id)
        if account.writes != before.writes:
            raise BusyError("The account is changed all the time; please try again.")
        return Audit(account=account, entries=sums)

    def sample(self, *, now: datetime) -> Sample:
        """Check as many accounts as a run has time for, others each time.

        Those of a small installation are all checked every time.
        """
        sample = Sample()
        left = _MOST_WRITES
        for organization_id in self._in_turn(now):
            if left <= 0:
                sample.complete = False
                break
            left -= _WRITES_PER_ACCOUNT
            try:
                writes = self.audits.balance(organization_id).writes
                if writes > _LONGEST_HISTORY:
                    sample.too_long.append(organization_id)
                    continue
                left -= writes
                audit = self.check(organization_id, now=now)
            except BusyError:
                sample.unsettled.append(organization_id)
            except Exception as error:
                # It is told; the others need not wait for it.
                sample.failures.append((organization_id, error))
            else:
                sample.checked += 1
                if not audit.matches:
                    sample.mismatches.append(audit)
        return sample

    def _in_turn(self, now: datetime) -> Iterator[str]:
        """All organizations, beginning somewhere else each hour.

        The beginnings are spread by the golden ratio: so no part waits much longer for its turn
        than another, and no run needs to know where the last one ended.
        """
        parts = min(max(1, self.audits.about_how_many()), _MOST_PARTS)
        hours = int(now.timestamp()) // 3600
        first = (hours * 0x9E3779B1 % 2**32) * parts // 2**32
        for step in range(parts):
            yield from self.audits.organizations(part=(first + step) % parts, parts=parts)
