"""A gateway at work in a world of fakes: what it reports, holds and settles, in few words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from chalicelib.domain.charge import Charge
from chalicelib.domain.hold_entries import HoldChange
from chalicelib.domain.holds import Hold
from chalicelib.domain.ledger import Entry
from chalicelib.domain.notices import Notice, NoticeKind
from chalicelib.domain.price_rules import PriceBook, TraceTerms
from chalicelib.domain.pricing import Tariff
from chalicelib.domain.usage import AmountUsage, TraceUsage, UsageLine
from chalicelib.domain.write import Committed, FloorChange, Write
from chalicelib.usecases.announcing import AnnouncingLedger
from chalicelib.usecases.holding import HoldRequest
from chalicelib.usecases.metering import PricedReport, ReportResult
from chalicelib.usecases.pricing import Pricing
from tests.fakes.values import ORG, entry, usd
from tests.fakes.world import World

#: Ten traces a month are free; each further one costs 0.25 nano-dollars, so that rounding shows.
TERMS = TraceTerms(monthly_traces=10, thousand_nanos=250)


def pricing(terms: TraceTerms = TERMS) -> Pricing:
    """Prices for traces and amounts; no model has one."""
    tariff = Tariff(find_price=lambda *_: None, book=PriceBook.of(()), trace_terms=terms)
    return Pricing(tariff=lambda: tariff)


def traces(number: int) -> TraceUsage:
    """A line of traces."""
    return TraceUsage(count=number)


def amount(text: str) -> AmountUsage:
    """A line of usage that has its price."""
    return AmountUsage(amount_nanos=usd(text))


@dataclass(slots=True, kw_only=True)
class Gateway:
    """A gateway that works for one organization; keys are made as needed."""

    world: World = field(default_factory=World)
    organization_id: str = ORG
    terms: TraceTerms = TERMS
    _serial: count[int] = field(default_factory=lambda: count(1))

    def fund(self, text: str) -> None:
        """Add credits, or take them, whatever there is."""
        added = entry(
            f"adjustment#{next(self._serial)}", text, organization_id=self.organization_id
        )
        write = Write(organization_id=self.organization_id, at=self.now, entries=(added,))
        assert isinstance(AnnouncingLedger(self.world.ledger).commit(write), Committed)

    def set_floor(self, text: str) -> None:
        """Top up below this balance."""
        floor = FloorChange(
            from_nanos=self.world.account(self.organization_id).floor_nanos,
            to_nanos=usd(text),
            tops_up=True,
        )
        write = Write(organization_id=self.organization_id, at=self.now, floor=floor)
        assert isinstance(self.world.ledger.commit(write), Committed)

    def charge(self, *lines: UsageLine, at: datetime | None = None, digest: str = "") -> Charge:
        """What the lines cost, traces apart."""
        return pricing(self.terms).charge(
            organization_id=self.organization_id,
            project_id=None,
            lines=lines,
            digest=digest or repr(lines),
            at=at or self.now,
        )

    def report(
        self,
        report_id: str,
        *lines: UsageLine,
        at: datetime | None = None,
        hold_id: str | None = None,
        final: bool = False,
    ) -> PricedReport:
        """A report, to be sent by `send`."""
        charged = self.charge(*lines, at=at, digest=repr((lines, hold_id, final)))
        return PricedReport(report_id=report_id, charge=charged, hold_id=hold_id, final=final)

    def send(self, *reports: PricedReport) -> Sequence[ReportResult]:
        """One batch of the queue."""
        return self.world.app.metering.apply(self.organization_id, reports, now=self.now)

    def deduct(self, *lines: UsageLine, key: str = "") -> Entry:
        """As `POST /deductions`."""
        key = key or self._key()
        made, _ = self.world.app.metering.deduct(self.charge(*lines), key=key, now=self.now)
        return made

    def place(self, text: str, *, seconds: int = 600, key: str = "") -> Hold:
        """As `POST /holds`."""
        request = HoldRequest(
            organization_id=self.organization_id,
            amount_nanos=usd(text),
            seconds=seconds,
            digest=f"{text} for {seconds}",
        )
        hold, _ = self.world.app.holding.place(request, key=key or self._key(), now=self.now)
        return hold

    def settle(
        self, hold_id: str, *lines: UsageLine, final: bool = True, key: str = ""
    ) -> HoldChange:
        """As `POST /holds/{id}/settle`."""
        charged = self.charge(*lines, digest=repr((hold_id, lines, final)))
        change, _ = self.world.app.holding.settle(
            hold_id, charged, final=final, key=key or self._key(), now=self.now
        )
        return change

    def release(self, hold_id: str, *, key: str = "") -> HoldChange:
        """As `POST /holds/{id}/release`."""
        change, _ = self.world.app.holding.release(
            self.organization_id, hold_id, key=key or self._key(), now=self.now
        )
        return change

    @property
    def now(self) -> datetime:
        """The world's time."""
        return self.world.now

    @property
    def available(self) -> int:
        """In nano-dollars."""
        return self.world.account(self.organization_id).available_nanos

    @property
    def held(self) -> int:
        """In nano-dollars."""
        return self.world.account(self.organization_id).held_nanos

    @property
    def news(self) -> list[NoticeKind]:
        """What was told so far of the balance, in no promised order."""
        return [notice.kind for notice in self.notices]

    @property
    def notices(self) -> list[Notice]:
        """What is to be told."""
        return [n for n in self.world.notices.all() if n.organization_id == self.organization_id]

    def hold(self, hold_id: str) -> Hold:
        """The hold as it is."""
        found = self.world.holds.get(self.organization_id, hold_id)
        assert found is not None
        return found

    def entry(self, key: str) -> Entry:
        """The entry with that key."""
        found = self.world.ledger.entry(self.organization_id, key)
        assert found is not None
        return found

    def _key(self) -> str:
        return f"key-{next(self._serial)}"
