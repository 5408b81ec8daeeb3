"""Passing notices on: once per fact, whatever fails on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from chalicelib.domain.account import Account
from chalicelib.domain.customer import Customer
from chalicelib.domain.notices import (
    MAX_ATTEMPTS,
    Notice,
    NoticeKind,
    exhausted,
    kind_and_fact,
)
from chalicelib.domain.payment_notices import top_up_failed
from chalicelib.domain.purchase import PurchaseType
from chalicelib.domain.topup import TopUp
from chalicelib.domain.write import Committed, Stale, Write
from chalicelib.usecases.noticing import Noticing, Passing
from tests.fakes.outside import FakeEvents, FakeMail
from tests.fakes.repositories import FakeCustomers, FakeLedger, FakeNotices
from tests.fakes.store import Store
from tests.fakes.values import NOW, ORG, billing_details, failure, purchase

FACT = exhausted(Account(organization_id=ORG), fact="report#1", at=NOW)


@dataclass
class Outbox:
    """A use case over fakes, with a buyer who has an address."""

    store: Store = field(default_factory=Store)
    events: FakeEvents = field(default_factory=FakeEvents)
    postbox: FakeMail = field(default_factory=FakeMail)

    def __post_init__(self) -> None:
        self.ledger = FakeLedger(self.store)
        self.notices = FakeNotices(self.store)
        self.noticing = Noticing(
            ledger=self.ledger,
            notices=self.notices,
            customers=FakeCustomers(self.store),
            events=self.events,
            mail=self.postbox,
        )
        buyer = Customer(organization_id=ORG, billing_details=billing_details(), version=1)
        self.ledger.commit(Write(organization_id=ORG, at=NOW, saves=(buyer,)))

    def save(self, notice: Notice) -> object:
        return self.ledger.commit(Write(organization_id=ORG, at=NOW, saves=(notice,)))

    def kinds(self) -> list[str]:
        """What was told, in order."""
        return [notice.kind.value for notice in self.events.published]

    def pass_on(self, notice: Notice, *, after: timedelta = timedelta()) -> Passing:
        return self.noticing.pass_on(ORG, notice.name, now=NOW + after)


def test_a_notice_is_published_and_mailed_once() -> None:
    outbox = Outbox()
    outbox.save(FACT)
    assert outbox.pass_on(FACT) is Passing.PASSED_ON
    assert outbox.pass_on(FACT, after=timedelta(days=1)) is Passing.NOTHING_TO_DO
    assert outbox.kinds() == ["credits.exhausted"]
    assert [to for _, to in outbox.postbox.sent] == ["billing@acme.example"]
    assert outbox.notices.due(NOW + timedelta(days=365), 10) == []


def test_a_fact_can_be_told_once_only() -> None:
    outbox = Outbox()
    again = exhausted(Account(organization_id=ORG), fact="report#1", at=NOW + timedelta(hours=1))
    assert outbox.save(FACT) == Committed()
    assert outbox.save(again) == Stale()


def test_the_sweep_finds_what_nobody_passed_on() -> None:
    outbox = Outbox()
    outbox.save(FACT)
    assert outbox.notices.due(NOW + timedelta(minutes=1), 10) == []
    assert outbox.notices.due(NOW + timedelta(minutes=2), 10) == [FACT]
    assert outbox.pass_on(FACT, after=timedelta(minutes=2)) is Passing.PASSED_ON


def test_what_one_process_works_on_no_other_takes_until_it_must_be_dead() -> None:
    outbox = Outbox()
    outbox.save(FACT)
    outbox.save(FACT.claimed(NOW))
    assert outbox.pass_on(FACT, after=timedelta(seconds=119)) is Passing.NOTHING_TO_DO
    assert outbox.events.published == []
    assert outbox.pass_on(FACT, after=timedelta(minutes=2)) is Passing.PASSED_ON


def test_a_mail_that_fails_is_tried_again_without_publishing_again() -> None:
    outbox = Outbox()
    outbox.save(FACT)
    outbox.postbox.failures = 1
    assert outbox.pass_on(FACT) is Passing.FAILED
    assert outbox.pass_on(FACT, after=timedelta(hours=1)) is Passing.PASSED_ON
    assert len(outbox.events.published) == 1
    assert len(outbox.postbox.sent) == 1


def test_a_bus_that_is_away_is_asked_ever_more_rarely_and_given_up_in_the_end() -> None:
    outbox = Outbox()
    outbox.save(FACT)
    outbox.events.failures = 10_000
    now, results, waits = NOW + timedelta(minutes=2), [], []
    for _ in range(MAX_ATTEMPTS):
        (notice,) = outbox.notices.due(now, 10)
        results.append(outbox.noticing.pass_on(ORG, notice.name, now=now))
        checked = outbox.notices.all()[0].check_at or now
        waits.append(checked - now)
        now = checked
    assert waits[:-1] == sorted(waits[:-1])
    assert max(waits) == timedelta(hours=6)
    assert results == [Passing.FAILED] * (MAX_ATTEMPTS - 1) + [Passing.GIVEN_UP]
    assert now - NOW > timedelta(days=2)
    assert outbox.notices.due(NOW + timedelta(days=365), 10) == []


def test_nobody_is_mailed_without_an_address_or_without_a_sender() -> None:
    outbox = Outbox()
    stranger = exhausted(Account(organization_id="nobody"), fact="report#1", at=NOW)
    outbox.save(stranger)
    assert outbox.noticing.pass_on("nobody", stranger.name, now=NOW) is Passing.PASSED_ON
    silent = Noticing(
        ledger=outbox.ledger,
        notices=outbox.notices,
        customers=FakeCustomers(outbox.store),
        events=outbox.events,
        mail=None,
    )
    outbox.save(FACT)
    assert silent.pass_on(ORG, FACT.name, now=NOW) is Passing.PASSED_ON
    assert outbox.postbox.sent == []
    assert len(outbox.events.published) == 2
    assert [notice.mailed_at for notice in outbox.notices.all()] == [None, None]


def test_the_failure_that_pauses_is_two_events_but_one_letter() -> None:
    outbox = Outbox()
    failed = purchase(type=PurchaseType.AUTO_TOP_UP)
    paused = TopUp(organization_id=ORG, paused=True, version=5)
    for notice in top_up_failed(failed, failure("lost_card"), paused, at=NOW):
        outbox.save(notice)
        outbox.pass_on(notice)
    assert sorted(outbox.kinds()) == ["top_up.failed", "top_up.paused"]
    assert [notice.kind for notice, _ in outbox.postbox.sent] == [NoticeKind.TOP_UP_PAUSED]


def test_the_event_id_stays_the_same_and_sorts_by_time() -> None:
    later = exhausted(Account(organization_id=ORG), fact="report#0", at=NOW + timedelta(seconds=1))
    assert FACT.claimed(NOW).published(NOW).id == FACT.id
    assert FACT.id < later.id
    assert FACT.id != exhausted(Account(organization_id="b"), fact="report#1", at=NOW).id


def test_what_became_of_a_notice_is_kept() -> None:
    outbox = Outbox()
    later = NOW + timedelta(minutes=1)
    outbox.save(FACT)
    outbox.pass_on(FACT, after=timedelta(minutes=1))
    kept = outbox.notices.get(ORG, FACT.name)
    assert kept is not None
    assert (kept.published_at, kept.mailed_at, kept.check_at) == (later, later, None)
    stranger = exhausted(Account(organization_id="nobody"), fact="report#1", at=NOW)
    outbox.save(stranger)
    outbox.noticing.pass_on("nobody", stranger.name, now=later)
    kept = outbox.notices.get("nobody", stranger.name)
    assert kept is not None
    assert (kept.published_at, kept.mailed_at, kept.check_at) == (later, None, None)


def test_a_failure_that_does_not_pause_is_mailed() -> None:
    outbox = Outbox()
    failed, going_on = purchase(type=PurchaseType.AUTO_TOP_UP), TopUp(organization_id=ORG)
    (notice,) = top_up_failed(failed, failure(), going_on, at=NOW)
    outbox.save(notice)
    outbox.pass_on(notice)
    assert [sent.kind for sent, _ in outbox.postbox.sent] == [NoticeKind.TOP_UP_FAILED]


def test_both_events_of_a_failure_that_pauses_name_the_purchase() -> None:
    failed = purchase(type=PurchaseType.AUTO_TOP_UP)
    paused = TopUp(organization_id=ORG, paused=True)
    told = top_up_failed(failed, failure("lost_card"), paused, at=NOW)
    assert [notice.data["purchase_id"] for notice in told] == [failed.id] * 2


def test_a_notice_is_looked_after_two_minutes_later_and_then_ever_more_rarely() -> None:
    notice, waits = FACT, []
    assert notice.check_at == NOW + timedelta(minutes=2)
    for _ in range(10):
        notice = notice.claimed(NOW)
        assert notice.check_at is not None
        waits.append((notice.check_at - NOW) / timedelta(minutes=1))
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 360, 360]


def test_a_notice_is_named_by_its_kind_and_its_fact_which_may_be_a_key() -> None:
    assert kind_and_fact(FACT.name) == (NoticeKind.EXHAUSTED, "report#1")
