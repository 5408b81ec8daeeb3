"""Auto top-up: the customer's standing order, the one open slot, and the policy of trying again.

The rules are those of docs/architecture.md; each stands against a public incident of others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from chalicelib.domain.account import Account
from chalicelib.domain.payment import Failure

#: Declines that no waiting cures: the card is gone, or its owner's bank suspects fraud. From
#: Stripe's list of decline codes; retrying these is what card networks fine merchants for.
HARD_DECLINES = frozenset(
    {
        "expired_card",
        "fraudulent",
        "incorrect_number",
        "invalid_account",
        "lost_card",
        "merchant_blacklist",
        "new_account_information_available",
        "no_action_taken",
        "not_permitted",
        "pickup_card",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "security_violation",
        "stolen_card",
        "stop_payment_order",
        "transaction_not_allowed",
    }
)
#: A soft decline is tried again after these; one more in a row pauses.
BACK_OFF = (timedelta(hours=1), timedelta(hours=2), timedelta(hours=4))
#: Card networks allow 15 retries of one card in 30 days.
ATTEMPTS_PER_CARD = 15
ATTEMPTS_WINDOW = timedelta(days=30)


class TopUpStatus(StrEnum):
    """What auto top-up is doing, as the customer is told."""

    IDLE = "idle"
    CHARGING = "charging"
    BACKING_OFF = "backing_off"
    PAUSED = "paused"
    ACTION_REQUIRED = "action_required"


class Decision(StrEnum):
    """What is to be done about a hint."""

    CHARGE = "charge"
    NOT_DUE = "not_due"
    OFF = "off"
    ALREADY_OPEN = "already_open"
    WAIT = "wait"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    LIMIT_REACHED = "limit_reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAttempt:
    """The last charge that failed; without a purchase if none could be begun."""

    failure: Failure
    purchase_id: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUp:
    """The standing order of one organization and how it has fared.

    `open_purchase_id` is the one slot: while it is taken, no other charge begins. The month's
    room is claimed with the slot and given back if the charge fails, so that what was charged in
    `month` never exceeds `monthly_limit_nanos`. `enabled_by` and `enabled_at` are the mandate.
    `retry_at` ends a back-off; `check_at` is when the sweep looks again, for whatever reason.
    """

    organization_id: str
    enabled: bool = False
    threshold_nanos: int = 0
    amount_nanos: int = 0
    monthly_limit_nanos: int | None = None
    enabled_by: str | None = None
    enabled_at: datetime | None = None
    open_purchase_id: str | None = None
    action_required: bool = False
    month: str = ""
    month_spent_nanos: int = 0
    declines_in_a_row: int = 0
    last_failure: FailedAttempt | None = None
    retry_at: datetime | None = None
    check_at: datetime | None = None
    paused: bool = False
    attempts: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    version: int = 0

    @property
    def status(self) -> TopUpStatus:
        """The one word for all of it."""
        if self.open_purchase_id is not None:
            return TopUpStatus.ACTION_REQUIRED if self.action_required else TopUpStatus.CHARGING
        if self.paused:
            return TopUpStatus.PAUSED
        if self.retry_at is not None:
            return TopUpStatus.BACKING_OFF
        return TopUpStatus.IDLE

    def waits_for_card_of(self, agreed_at: datetime) -> bool:
        """Whether a card that somebody began to save then is their answer to a decline or pause.

        News of a card may come late: one from before the trouble never ends it.
        """
        in_trouble = self.paused or self.declines_in_a_row > 0
        return in_trouble and (self.last_failure is None or agreed_at > self.last_failure.at)

    def spent_in(self, month: str) -> int:
        """What was claimed for charges in the month, in nano-dollars."""
        return self.month_spent_nanos if self.month == month else 0

    def decide(self, account: Account, *, now: datetime) -> Decision:  # noqa: PLR0911 - the policy is a list of reasons, read from top to bottom
        """Whether the card should be charged now, and if not, why."""
        if not self.enabled:
            return Decision.OFF
        if account.available_nanos >= self.threshold_nanos:
            return Decision.NOT_DUE
        if account.suspended:
            return Decision.SUSPENDED
        if self.open_purchase_id is not None:
            return Decision.ALREADY_OPEN
        if self.paused:
            return Decision.PAUSED
        if self.retry_at is not None and now < self.retry_at:
            return Decision.WAIT
        if not self.has_room(self.amount_nanos, now=now):
            return Decision.LIMIT_REACHED
        return Decision.CHARGE

    def has_room(self, charge_nanos: int, *, now: datetime) -> bool:
        """Whether the month's limit leaves room for a charge of that much, tax included."""
        limit = self.monthly_limit_nanos
        return limit is None or self.spent_in(self._month_at(now)) + charge_nanos <= limit

    def worn_out(self, fingerprint: str, *, now: datetime) -> bool:
        """Whether the card was tried as often as its network allows."""
        return len(self._recent(fingerprint, now)) >= ATTEMPTS_PER_CARD

    def opened(
        self, purchase_id: str, *, charge_nanos: int, fingerprint: str, now: datetime
    ) -> TopUp:
        """The slot and the month's room claimed, the attempt counted."""
        if self.open_purchase_id is not None:
            raise ValueError("a top-up is open")
        month = self._month_at(now)
        recent = {card: kept for card in self.attempts if (kept := self._recent(card, now))}
        recent[fingerprint] = (*recent.get(fingerprint, ()), now)
        return replace(
            self,
            open_purchase_id=purchase_id,
            month=month,
            month_spent_nanos=self.spent_in(month) + charge_nanos,
            attempts=recent,
            retry_at=None,
            check_at=None,
            version=self.version + 1,
        )

    def succeeded(self, purchase_id: str, *, charge_nanos: int, claimed_at: datetime) -> TopUp:
        """The slot free again, and the past forgiven.

        A charge that was given up for lost and went through all the same counts for its month.
        """
        if self.open_purchase_id != purchase_id:
            late = charge_nanos if self.month == month_of(claimed_at) else 0
            return replace(
                self, month_spent_nanos=self.month_spent_nanos + late, version=self.version + 1
            )
        freed = replace(
            self,
            open_purchase_id=None,
            action_required=False,
            version=self.version + 1,
        )
        if self.paused:
            # Something else than a decline stopped it while the charge was open.
            return freed
        return replace(freed, declines_in_a_row=0, last_failure=None)

    def needs_action(self, purchase_id: str) -> TopUp:
        """The bank wants the customer: the slot stays taken until they act or time is up."""
        if self.open_purchase_id != purchase_id:
            return replace(self, version=self.version + 1)
        return replace(self, action_required=True, version=self.version + 1)

    def failed(
        self,
        purchase_id: str,
        failure: Failure | None,
        *,
        charge_nanos: int,
        now: datetime,
    ) -> TopUp:
        """The slot and the month's room given back; the policy says when to try again.

        While the slot is taken, `month` stays the one whose room was claimed. Without a failure
        nothing was tried at the bank, so nothing counts against the card, and the sweep looks
        again at once: what was due still is, and no usage may come to say so.
        """
        if self.open_purchase_id != purchase_id:
            return replace(self, version=self.version + 1)
        freed = replace(
            self,
            open_purchase_id=None,
            action_required=False,
            month_spent_nanos=self.month_spent_nanos - charge_nanos,
            version=self.version + 1,
        )
        if failure is None:
            return replace(freed, check_at=now if self.enabled and not self.paused else None)
        return freed._declined(purchase_id, failure, now=now)

    def _declined(self, purchase_id: str, failure: Failure, *, now: datetime) -> TopUp:
        declines = self.declines_in_a_row + 1
        hopeless = failure.decline_code in HARD_DECLINES or failure.code in HARD_DECLINES
        paused = self.paused or hopeless or declines > len(BACK_OFF)
        retry_at = None if paused else now + BACK_OFF[declines - 1]
        return replace(
            self,
            declines_in_a_row=declines,
            last_failure=FailedAttempt(failure=failure, purchase_id=purchase_id, at=now),
            paused=paused,
            retry_at=retry_at,
            check_at=retry_at,
        )

    def configured(
        self,
        *,
        enabled: bool,
        threshold_nanos: int,
        amount_nanos: int,
        monthly_limit_nanos: int | None,
        by: str,
        at: datetime,
    ) -> TopUp:
        """The settings as a person saved them, which also resumes what was paused."""
        return replace(
            self.resumed(),
            enabled=enabled,
            threshold_nanos=threshold_nanos,
            amount_nanos=amount_nanos,
            monthly_limit_nanos=monthly_limit_nanos,
            enabled_by=by if enabled else None,
            enabled_at=at if enabled else None,
        )

    def resumed(self) -> TopUp:
        """A person acted, by saving the settings or by another card: the count starts anew."""
        return replace(
            self,
            declines_in_a_row=0,
            last_failure=None,
            retry_at=None,
            check_at=None,
            paused=False,
            version=self.version + 1,
        )

    def stopped(self, failure: Failure, *, now: datetime) -> TopUp:
        """Paused until a person acts, no charge having failed: no card may be charged.

        A charge that is open still ends in its own way; it doesn't end the pause.
        """
        return replace(
            self,
            last_failure=FailedAttempt(failure=failure, purchase_id=None, at=now),
            paused=True,
            retry_at=None,
            check_at=None,
            version=self.version + 1,
        )

    def overdue(self, now: datetime) -> bool:
        """Whether the time to look after it has come."""
        return self.check_at is not None and self.check_at <= now

    def rested(self) -> TopUp:
        """Nothing is due any more: the balance has risen in another way meanwhile."""
        return replace(self, retry_at=None, check_at=None, version=self.version + 1)

    def postponed(self, until: datetime) -> TopUp:
        """Nothing can be done before `until`, though the card is good: the limit is reached."""
        return replace(self, check_at=until, version=self.version + 1)

    def _month_at(self, now: datetime) -> str:
        """The month that a charge counts for.

        One that has begun is not gone back on: a process whose clock is behind, or that took its
        time, would forget what was charged in it.
        """
        return max(self.month, month_of(now))

    def _recent(self, fingerprint: str, now: datetime) -> tuple[datetime, ...]:
        return tuple(at for at in self.attempts.get(fingerprint, ()) if at > now - ATTEMPTS_WINDOW)


def month_of(at: datetime) -> str:
    """The calendar month in UTC, as "2026-11"."""
    return at.astimezone(UTC).strftime("%Y-%m")


def next_month(at: datetime) -> datetime:
    """The first moment of the calendar month after `at`, in UTC."""
    first = at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)
