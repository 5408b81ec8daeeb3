"""The buyer's routes: purchases, their history and invoices, cards, billing details."""

from __future__ import annotations

from chalice.app import Response

from chalicelib.api.auth import Scope
from chalicelib.api.http import (
    Call,
    Routes,
    being_prepared,
    json_response,
    kept_response,
    linked,
)
from chalicelib.api.parsing import (
    read_billing_details,
    read_card_amount,
    read_payment_method,
    read_purchase_type,
    read_tax_id,
    read_window,
    refuse_unless,
)
from chalicelib.api.presenting import (
    billing_details_body,
    card_body,
    list_body,
    preview_body,
    purchase_answer,
    purchase_body,
    transaction_body,
)
from chalicelib.domain.errors import ValidationFailedError
from chalicelib.domain.fields import Faults, Fields
from chalicelib.domain.mandate import mandate_text
from chalicelib.usecases.invoicing import InvoiceFormat, InvoiceLink
from chalicelib.usecases.purchasing import Order

routes = Routes()


@routes.organization("POST", "/purchases", Scope.WRITE)
def create_purchase(call: Call) -> Response:
    """Buy credits with a saved card."""
    body = call.body()
    if isinstance(body, dict) and body.get("preview") is True:
        order = _read_order(call, body)
        return json_response(preview_body(order, call.services.purchasing.preview(order)))
    key = call.idempotency_key()
    order = _read_order(call, body)
    answer, replayed = call.services.purchasing.buy(
        order, key=key, present=purchase_answer, now=call.now
    )
    return kept_response(answer, replayed=replayed)


@routes.organization("GET", "/purchases/{purchase_id}", Scope.READ)
def get_purchase(call: Call, purchase_id: str) -> Response:
    """A purchase as it stands."""
    call.query()
    bought = call.services.purchasing.find(call.organization_id, purchase_id, now=call.now)
    return json_response(purchase_body(bought))


@routes.organization("GET", "/transactions", Scope.READ)
def list_transactions(call: Call) -> Response:
    """The succeeded purchases, newest first."""
    query = call.query("type", "from", "to", "limit", "cursor")
    wanted = read_purchase_type(query)
    list_name = f"transactions/{wanted.value if wanted else 'all'}"
    page = call.services.purchases.succeeded(
        call.organization_id,
        read_window(call, query, list_name=list_name),
        type=wanted,
    )
    bodies = [transaction_body(purchase) for purchase in page.items]
    return json_response(list_body(bodies, call=call, list_name=list_name, after=page.after))


@routes.organization("GET", "/transactions/{transaction_id}/invoice", Scope.READ)
def get_invoice(call: Call, transaction_id: str) -> Response:
    """A short-lived link to the invoice: to follow, or as JSON for whom `Accept`s that."""
    form = _read_format(call)
    link = call.services.invoicing.link(call.organization_id, transaction_id, form, now=call.now)
    return _document(call, link)


@routes.organization("GET", "/documents/{number}", Scope.READ)
def get_document(call: Call, number: str) -> Response:
    """A short-lived link to an invoice or a credit note by its number."""
    form = _read_format(call)
    link = call.services.invoicing.link_to(call.organization_id, number, form, now=call.now)
    return _document(call, link)


@routes.organization("GET", "/invoices.zip", Scope.READ)
def get_invoices_archive(call: Call) -> Response:
    """A short-lived link to a month's invoices in one file, or how far its making is."""
    month = call.query("month").get("month", "")
    try:
        link = call.services.archiving.request(call.organization_id, month, now=call.now)
    except ValueError as error:
        raise ValidationFailedError.of("month", str(error)) from error
    archive = link.archive
    if link.url is None:
        progress = {"status": "being prepared", "done": archive.done, "total": archive.total}
        return being_prepared(progress)
    return linked(call, link.url, {"invoices": archive.total, "url": link.url}, link.expires_at)


@routes.organization("POST", "/payment-methods/setup", Scope.WRITE)
def set_up_payment_method(call: Call) -> Response:
    """Begin saving a card in the browser."""
    setup = call.services.buyers.set_up_card(
        call.organization_id, by=call.caller.subject, now=call.now
    )
    return json_response(
        {
            "client_secret": setup.client_secret,
            "publishable_key": setup.publishable_key,
            "customer_id": setup.customer_id,
            "mandate": mandate_text(call.services.settings.seller.name),
        }
    )


@routes.organization("GET", "/payment-methods", Scope.READ)
def list_payment_methods(call: Call) -> Response:
    """The saved cards."""
    call.query()
    cards = [card_body(saved) for saved in call.services.buyers.cards(call.organization_id)]
    return json_response({"data": cards, "next_cursor": None})


@routes.organization("PUT", "/payment-methods/{payment_method_id}/default", Scope.WRITE)
def set_default_payment_method(call: Call, payment_method_id: str) -> Response:
    """Choose the card that auto top-up charges."""
    saved = call.services.buyers.set_default_card(
        call.organization_id, payment_method_id, now=call.now
    )
    return json_response(card_body(saved))


@routes.organization("DELETE", "/payment-methods/{payment_method_id}", Scope.WRITE)
def delete_payment_method(call: Call, payment_method_id: str) -> Response:
    """Forget a card."""
    call.services.buyers.remove_card(call.organization_id, payment_method_id)
    return Response(body="", status_code=204, headers={"Cache-Control": "no-store"})


@routes.protected("GET", "/v1/tax-id-types", Scope.READ)
def list_tax_id_types(call: Call) -> Response:
    """The kinds of tax ID that billing details take, by country."""
    call.query()
    return json_response({"data": list(call.services.tax_ids.rows()), "next_cursor": None})


@routes.organization("GET", "/billing-details", Scope.READ)
def get_billing_details(call: Call) -> Response:
    """Whom invoices name; all null before it was said."""
    call.query()
    details = call.services.customers.get(call.organization_id).billing_details
    empty: dict[str, object] = dict.fromkeys(("name", "email", "address", "tax_id"))
    return json_response(empty if details is None else billing_details_body(details))


@routes.organization("PUT", "/billing-details", Scope.WRITE)
def put_billing_details(call: Call) -> Response:
    """Say whom the next invoices name."""
    faults = Faults()
    details = read_billing_details(call.body(), path="", faults=faults)
    faults.raise_any()
    call.services.buyers.set_billing_details(call.organization_id, details, now=call.now)
    return json_response(billing_details_body(details))


def _read_format(call: Call) -> InvoiceFormat:
    form = call.query("format").get("format", InvoiceFormat.PDF.value)
    forms = {item.value: item for item in InvoiceFormat}
    refuse_unless(form in forms, "format", f"must be {' or '.join(forms)}")
    return forms[form]


def _document(call: Call, link: InvoiceLink) -> Response:
    if link.url is None:
        return being_prepared({"number": link.number, "status": "being prepared"})
    return linked(call, link.url, {"number": link.number, "url": link.url}, link.expires_at)


def _read_order(call: Call, body: object) -> Order:
    faults = Faults()
    fields = Fields(
        body,
        path="",
        faults=faults,
        required=frozenset({"amount", "payment_method_id"}),
        optional=frozenset({"billing_details", "tax_id", "preview"}),
    )
    fields.flag("preview")
    settings = call.services.settings
    details = fields.get("billing_details")
    tax_id = fields.get("tax_id")
    order = Order(
        organization_id=call.organization_id,
        amount_nanos=read_card_amount(
            fields,
            "amount",
            least=settings.purchase_minimum_nanos,
            most=settings.purchase_maximum_nanos,
        ),
        payment_method_id=read_payment_method(fields),
        billing_details=None
        if details is None
        else read_billing_details(details, path="billing_details", faults=faults),
        tax_id=None if tax_id is None else read_tax_id(tax_id, path="tax_id", faults=faults),
        keeps_tax_id="tax_id" not in fields,
        ordered_by=call.caller.subject,
    )
    faults.raise_any()
    return order
