"""Sampling: which accounts a run of the schedule audits, so that each has its turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.domain.errors import BusyError
from chalicelib.domain.stored_account import Comparison
from chalicelib.ports import Accounts
from chalicelib.usecases.auditing import Auditing

#: A run that samples begins with another part of the accounts each time: with parts of about one
#: account each, none is for ever behind one with a long history. DynamoDB allows no more parts.
_MOST_PARTS = 1_000_000
#: What one run reads, and the longest history in it: minutes of a function's time.
_MOST_WRITES = 200_000
_LONGEST_HISTORY = 100_000
#: An account costs its own reads even if it has no history.
_WRITES_PER_ACCOUNT = 20
#: A run has other accounts to look at: one that moves all the time is left after some seconds.
_ATTEMPTS = 30


@dataclass(slots=True, kw_only=True)
class Sample:
    """What a run found.

    `unsettled` never rested long enough to be compared, and `too_long` have a history that a run
    has no time for: both must be looked at one by one. `complete` says that no
    account was left for the next runs.
    """

    checked: int = 0
    mismatches: list[Comparison] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    too_long: list[str] = field(default_factory=list)
    failures: list[tuple[str, Exception]] = field(default_factory=list)
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Audits as many accounts as a run has time for; changes nothing."""

    accounts: Accounts
    auditing: Auditing

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
                stored = self.accounts.stored(organization_id)
                writes = stored.writes if stored else 0
                if writes > _LONGEST_HISTORY:
                    sample.too_long.append(organization_id)
                    continue
                left -= writes
                compared = self.auditing.check(organization_id, attempts=_ATTEMPTS)
            except BusyError:
                sample.unsettled.append(organization_id)
            except Exception as error:
                # It is told; the others need not wait for it.
                sample.failures.append((organization_id, error))
            else:
                sample.checked += 1
                if not compared.in_line:
                    sample.mismatches.append(compared)
        return sample

    def _in_turn(self, now: datetime) -> Iterator[str]:
        """All organizations, beginning somewhere else each hour.

        The beginnings are spread by the golden ratio: so no part waits much longer for its turn
        than another, and no run needs to know where the last one ended.
        """
        parts = min(max(1, self.accounts.about_how_many()), _MOST_PARTS)
        hours = int(now.timestamp()) // 3600
        first = (hours * 0x9E3779B1 % 2**32) * parts // 2**32
        for step in range(parts):
            yield from self.accounts.in_part((first + step) % parts, of=parts)
