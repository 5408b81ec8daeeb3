"""Auto top-up where tax is due: it needs room in the month as well, and an address to be due at."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.domain.billing import BillingDetails
from chalicelib.domain.payment import PaymentRefusedError
from chalicelib.domain.purchase import Purchase, PurchaseType
from chalicelib.domain.tax import Tax
from chalicelib.domain.topup import Decision, TopUpStatus, next_month
from tests.fakes.ports import UseCases, wire
from tests.fakes.values import ORG, billing_details, failure, report, usd
from tests.fakes.world import World


@dataclass(frozen=True, slots=True)
class FifthInGermany:
    """The Taxes port: a fifth on top for one known buyer, and no other can be taxed."""

    buyer: BillingDetails

    def quote(self, amount_nanos: int, buyer: BillingDetails) -> Tax:
        """See the port."""
        if buyer != self.buyer:
            raise PaymentRefusedError(failure(None, code="address_invalid"))
        return Tax(amount_nanos=amount_nanos // 5, rate_percent="20", calculation_id="taxcalc_1")


def low(*, limit: str | None = None, taxed: BillingDetails | None = None) -> tuple[World, UseCases]:
    """An account below its threshold, and a process that knows what tax is due."""
    world = World()
    world.buy(card=world.customer(), amount="20.00")
    world.deliver()
    world.order_top_ups(limit=limit)
    world.use(report("drain", "15.00"))
    taxes = FifthInGermany(taxed or world.customers.get(ORG).billing_details or billing_details())
    return world, wire(replace(world.ports, taxes=taxes))


def automatic(world: World) -> list[Purchase]:
    return [p for p in world.purchases.all() if p.type is PurchaseType.AUTO_TOP_UP]


def test_the_tax_is_charged_on_top_and_takes_room_of_the_month() -> None:
    world, app = low(limit="30.00")
    assert app.topping_up.consider(ORG, now=world.now) is Decision.CHARGE
    [charged] = automatic(world)
    assert (charged.amount_nanos, charged.charge_nanos) == (usd("25.00"), usd("30.00"))
    assert charged.id.startswith("pur_")
    assert world.top_ups.get(ORG).spent_in("2026-11") == usd("30.00")
    entry = world.ledger.entry(ORG, f"purchase#{charged.id}")
    assert entry is not None
    assert entry.id.startswith("ent_")
    assert entry.details == {"purchase_id": charged.id, "invoice_number": charged.invoice_number}
    issued = world.ports.invoices.get(ORG, charged.invoice_number or "")
    assert issued is not None
    invoice = issued.invoice
    assert (invoice.net_nanos, invoice.tax_nanos) == (usd("25.00"), usd("5.00"))
    assert (invoice.tax_rate_percent, invoice.purchase_id) == ("20", charged.id)
    assert invoice.transaction_id == charged.payment_id
    assert (invoice.payment.brand, invoice.payment.last4) == (
        charged.card.brand,
        charged.card.last4,
    )
    assert world.account(ORG).available_nanos == usd("30.00")


def test_a_month_with_room_for_the_credits_and_not_for_their_tax_is_full() -> None:
    world, app = low(limit="29.999999999")
    assert app.topping_up.consider(ORG, now=world.now) is Decision.LIMIT_REACHED
    assert automatic(world) == []
    assert world.top_ups.get(ORG).check_at == next_month(world.now)


def test_an_address_that_no_tax_is_known_for_pauses_and_says_what_is_wrong() -> None:
    world, app = low(taxed=billing_details("Somebody else"))
    assert app.topping_up.consider(ORG, now=world.now) is Decision.PAUSED
    assert automatic(world) == []
    top_up = world.top_ups.get(ORG)
    assert top_up.status is TopUpStatus.PAUSED
    assert top_up.last_failure is not None
    assert top_up.last_failure.at == world.now
    told = top_up.last_failure.failure
    assert (told.code, told.message) == (
        "no_billing_details",
        "billing_details: Your card was declined.",
    )


def test_saving_the_settings_at_the_threshold_charges_nothing_and_keeps_who_and_when() -> None:
    world = World()
    world.buy(card=world.customer(), amount="20.00")
    world.deliver()
    saved = world.order_top_ups(threshold="20.00", limit="60.00")
    assert (saved.enabled_by, saved.enabled_at) == ("ada", world.now)
    assert saved.monthly_limit_nanos == usd("60.00")
    assert world.queue.messages == []
    world.order_top_ups(threshold="20.000000001")
    [hint] = world.queue.messages
    assert hint.body == {"organization_id": ORG}
