"""Tax ids, tax calculations and the transactions that commit them."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

import pytest
import stripe
from stripe.params import CustomerTaxIdCreateParams

from devstack.stripe.objects.tax_rates import Treatment
from devstack.stripe.server import LocalStripe
from tests.devstack.stripe.conftest import types_of

Control = Callable[..., dict[str, Any]]
Client = stripe.StripeClient


def calculate(client: Client, country: str, **more: Any) -> Any:
    wanted: Any = {
        "currency": "usd",
        "line_items": [{"amount": 1_000, "reference": "credits", "tax_code": "txcd_10000000"}],
        "customer_details": {"address": {"country": country}, "address_source": "billing"},
        "expand": ["line_items"],
    }
    wanted |= more
    return client.v1.tax.calculations.create(params=wanted)


def business(country: str, kind: str = "eu_vat", value: str = "") -> dict[str, Any]:
    return {
        "customer_details": {
            "address": {"country": country},
            "address_source": "billing",
            "tax_ids": [{"type": kind, "value": value or f"{country}123456789"}],
        }
    }


@pytest.mark.parametrize(
    ("country", "tax", "rate", "reason"),
    [
        ("DE", 190, "19.0", "standard_rated"),
        ("FR", 200, "20.0", "standard_rated"),
        ("FI", 255, "25.5", "standard_rated"),
        ("CH", 81, "8.1", "standard_rated"),
        ("JP", 100, "10.0", "standard_rated"),
        ("US", 0, "0.0", "not_collecting"),
        ("TV", 0, "0.0", "not_collecting"),
    ],
)
def test_a_country_has_its_rate(
    client: Client, country: str, tax: int, rate: str, reason: str
) -> None:
    calculation = calculate(client, country)
    assert calculation.amount_total == 1_000 + tax
    assert calculation.tax_amount_exclusive == tax
    assert calculation.tax_breakdown[0].tax_rate_details.percentage_decimal == rate
    assert calculation.tax_breakdown[0].taxability_reason == reason
    assert calculation.line_items.data[0].amount_tax == tax


def test_a_business_elsewhere_in_the_eu_is_charged_in_reverse(client: Client) -> None:
    abroad = calculate(client, "FR", **business("FR"))
    assert abroad.amount_total == 1_000
    assert abroad.tax_breakdown[0].taxability_reason == "reverse_charge"
    at_home = calculate(client, "DE", **business("DE"))
    assert at_home.amount_total == 1_190
    not_of_the_eu = calculate(client, "FR", **business("FR", "fr_siret", "73282932000074"))
    assert not_of_the_eu.amount_total == 1_200


def test_tax_can_be_inside_the_price(client: Client) -> None:
    item = {"amount": 1_190, "reference": "a", "tax_behavior": "inclusive"}
    calculation = calculate(client, "DE", line_items=[item])
    assert (calculation.amount_total, calculation.tax_amount_inclusive) == (1_190, 190)


@pytest.mark.parametrize("per_mille", [0, 81, 190, 255])
def test_a_tax_inside_a_price_is_the_tax_on_what_is_left(per_mille: int) -> None:
    how = Treatment(per_mille=per_mille, tax_type="vat", reason="standard_rated")
    for amount in range(5_000):
        inside = how.tax_on(amount, inclusive=True)
        assert abs(how.tax_on(amount - inside, inclusive=False) - inside) <= 1
        assert 0 <= inside <= amount


def test_a_customers_address_and_tax_ids_serve(client: Client) -> None:
    customer = client.v1.customers.create(params={"address": {"country": "FR"}}).id
    plain = client.v1.tax.calculations.create(
        params={
            "currency": "usd",
            "customer": customer,
            "line_items": [{"amount": 1_000, "reference": "a"}],
        }
    )
    assert plain.amount_total == 1_200
    client.v1.customers.tax_ids.create(
        customer, params={"type": "eu_vat", "value": "FR12345678901"}
    )
    reverse = client.v1.tax.calculations.create(
        params={
            "currency": "usd",
            "customer": customer,
            "line_items": [{"amount": 1_000, "reference": "a"}],
        }
    )
    assert reverse.amount_total == 1_000


def test_without_a_country_there_is_no_calculation(client: Client) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.tax.calculations.create(
            params={"currency": "usd", "line_items": [{"amount": 1, "reference": "a"}]}
        )
    assert refusal.value.code == "customer_tax_location_invalid"


def test_a_paid_intent_commits_its_calculation_and_refunds_reverse_it(
    client: Client, local: LocalStripe
) -> None:
    calculation = calculate(client, "DE")
    intent = client.v1.payment_intents.create(
        params={
            "amount": calculation.amount_total,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "off_session": True,
            "hooks": {"inputs": {"tax": {"calculation": calculation.id}}},
        }
    )
    sale = local.state.all("tax.transaction")[0]
    assert (sale["reference"], sale["type"]) == (intent.id, "transaction")
    refund = client.v1.refunds.create(params={"payment_intent": intent.id, "amount": 595})
    reversal = local.state.all("tax.transaction")[1]
    assert (reversal["reference"], reversal["type"]) == (refund.id, "reversal")
    line = client.v1.tax.transactions.retrieve(
        reversal["id"], params={"expand": ["line_items"]}
    ).line_items
    assert line is not None
    assert (line.data[0].amount, line.data[0].amount_tax) == (-500, -95)


def test_a_calculation_that_is_not_there_can_not_be_hooked(client: Client) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_intents.create(
            params={
                "amount": 500,
                "currency": "usd",
                "hooks": {"inputs": {"tax": {"calculation": "taxcalc_nothing"}}},
            }
        )
    assert refusal.value.param == "hooks[inputs][tax][calculation]"


def test_a_calculation_is_committed_once_by_its_reference_and_reversed(client: Client) -> None:
    transactions = client.v1.tax.transactions
    calculation = calculate(client, "DE")
    sale = transactions.create_from_calculation(
        params={"calculation": calculation.id, "reference": "order-1"}
    )
    assert sale.type == "transaction"
    with pytest.raises(stripe.InvalidRequestError, match="order-1"):
        transactions.create_from_calculation(
            params={"calculation": calculation.id, "reference": "order-1"}
        )
    back = transactions.create_reversal(
        params={"original_transaction": sale.id, "mode": "full", "reference": "order-1-refund"}
    )
    assert back.reversal is not None
    assert back.reversal.original_transaction == sale.id
    part = transactions.create_reversal(
        params={
            "original_transaction": sale.id,
            "mode": "partial",
            "flat_amount": -119,
            "reference": "order-1-part",
            "expand": ["line_items"],
        }
    )
    assert part.line_items is not None
    assert (part.line_items.data[0].amount, part.line_items.data[0].amount_tax) == (-100, -19)


def test_every_published_type_of_tax_id_is_taken_and_no_other(
    client: Client, customer: str
) -> None:
    hint = typing.get_type_hints(CustomerTaxIdCreateParams, localns={"StripeContext": object})
    kinds = typing.get_args(typing.get_args(hint["type"])[0])
    assert len(kinds) > 100
    for kind in kinds:
        made = client.v1.customers.tax_ids.create(
            customer, params={"type": kind, "value": "DE123456789"}
        )
        assert made.type == kind
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.customers.tax_ids.create(customer, params={"type": "xx_vat", "value": "1"})
    assert refusal.value.param == "type"


def test_a_tax_id_is_verified_later_and_can_be_deleted(
    client: Client, local: LocalStripe, control: Control, customer: str
) -> None:
    tax_ids = client.v1.customers.tax_ids
    made = tax_ids.create(customer, params={"type": "eu_vat", "value": "EL123456789"})
    assert made.country == "GR"
    assert made.verification is not None
    assert made.verification.status == "pending"
    control("POST", f"/tax_ids/{made.id}/verify", outcome="unverified")
    checked = tax_ids.retrieve(customer, made.id).verification
    assert checked is not None
    assert checked.status == "unverified"
    shown = client.v1.customers.retrieve(customer, params={"expand": ["tax_ids"]}).tax_ids
    assert shown is not None
    assert [item.id for item in shown.data] == [made.id]
    assert tax_ids.delete(customer, made.id).deleted
    assert tax_ids.list(customer).data == []
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        tax_ids.retrieve(customer, made.id)
    assert refusal.value.http_status == 404
    assert [name for name in types_of(local) if "tax_id" in name] == [
        "customer.tax_id.created",
        "customer.tax_id.updated",
        "customer.tax_id.deleted",
    ]


def test_a_malformed_vat_number_is_refused(client: Client, customer: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.customers.tax_ids.create(customer, params={"type": "eu_vat", "value": "12"})
    assert refusal.value.code == "tax_id_invalid"


def test_a_customer_with_a_bad_tax_id_is_not_created_at_all(
    client: Client, local: LocalStripe
) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.create(params={"tax_id_data": [{"type": "eu_vat", "value": "1"}]})
    assert local.state.all("customer") == []
    assert types_of(local) == []


def test_tax_ids_may_come_with_the_customer(client: Client) -> None:
    made = client.v1.customers.create(
        params={"tax_id_data": [{"type": "gb_vat", "value": "GB123456789"}]}
    )
    assert client.v1.customers.tax_ids.list(made.id).data[0].country == "GB"
