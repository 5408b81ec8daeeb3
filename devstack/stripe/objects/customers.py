"""Customers: who pays."""

from __future__ import annotations

from devstack.stripe import lists
from devstack.stripe.call import Call, Routes
from devstack.stripe.errors import Json, refused
from devstack.stripe.objects import tax_ids, wallet
from devstack.stripe.objects.lookup import customer_of, full_address
from devstack.stripe.objects.metadata import merged
from devstack.stripe.state import State, random_text

#: Plain members that create and update take as they are.
_PLAIN = (
    "balance",
    "business_name",
    "description",
    "email",
    "individual_name",
    "invoice_prefix",
    "name",
    "next_invoice_sequence",
    "phone",
    "preferred_locales",
    "tax_exempt",
)

#: Published, but nothing here plays them: refused rather than silently ignored.
_NOT_PLAYED = ("cash_balance", "source", "test_clock", "default_source")


def _changes(kept: Json, params: Json) -> Json:
    changes: Json = {name: params[name] or None for name in _PLAIN if name in params}
    for name in _NOT_PLAYED:
        if name in params:
            raise refused(f"The local Stripe does not play '{name}'.", param=name)
    if "address" in params:
        changes["address"] = full_address(params["address"])
    if "shipping" in params:
        given = params["shipping"]
        changes["shipping"] = (
            {
                "address": full_address(given["address"]),
                "name": given["name"],
                "phone": given.get("phone"),
                "carrier": None,
                "tracking_number": None,
            }
            if given
            else None
        )
    if "invoice_settings" in params:
        changes["invoice_settings"] = kept["invoice_settings"] | {
            name: value or None for name, value in params["invoice_settings"].items()
        }
    changes["metadata"] = merged(kept["metadata"], params.get("metadata"))
    return changes


def _create(state: State, call: Call) -> Json:
    blank: Json = {
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "metadata": {},
    }
    changes = _changes(blank, call.params)
    tax_id_data = call.params.get("tax_id_data", [])
    for datum in tax_id_data:
        tax_ids.check(kind=datum["type"], value=datum["value"])
    card = None
    if "payment_method" in call.params:
        card = wallet.attachable(state, call.params["payment_method"], None, param="payment_method")
    customer = state.new(
        "customer",
        address=None,
        balance=0,
        currency=None,
        default_source=None,
        delinquent=False,
        description=None,
        email=None,
        invoice_prefix=random_text(8).upper(),
        name=None,
        next_invoice_sequence=1,
        phone=None,
        preferred_locales=[],
        shipping=None,
        tax_exempt="none",
        test_clock=None,
    )
    customer.update(blank | changes)
    state.emit("customer.created", customer)
    if card is not None:
        wallet.keep(state, card, customer["id"])
    for datum in tax_id_data:
        tax_ids.add(state, customer["id"], kind=datum["type"], value=datum["value"])
    return customer


def _retrieve(state: State, call: Call) -> Json:
    return state.get("customer", call.path["customer"], param="id", status=404)


def _update(state: State, call: Call) -> Json:
    customer = customer_of(state, call.path["customer"], param="id", status=404)
    changes = _changes(customer, call.params)
    default = changes.get("invoice_settings", {}).get("default_payment_method")
    if default is not None:
        wallet.owned_by(
            state,
            default,
            customer["id"],
            param="invoice_settings[default_payment_method]",
        )
    return state.change(customer, "customer.updated", **changes)


def _delete(state: State, call: Call) -> Json:
    customer = customer_of(state, call.path["customer"], param="id", status=404)
    state.emit("customer.deleted", customer)
    wallet.drop_all_of(state, customer["id"])
    for tax_id in state.all("tax_id"):
        if tax_id["customer"] == customer["id"]:
            del state.objects["tax_id"][tax_id["id"]]
    customer.clear()
    customer.update({"id": call.path["customer"], "object": "customer", "deleted": True})
    return customer


def _list(state: State, call: Call) -> Json:
    alive = [item for item in state.all("customer") if not item.get("deleted")]
    return lists.page(call, alive, "email")


ROUTES: Routes = {
    ("POST", "/v1/customers"): _create,
    ("GET", "/v1/customers"): _list,
    ("GET", "/v1/customers/{customer}"): _retrieve,
    ("POST", "/v1/customers/{customer}"): _update,
    ("DELETE", "/v1/customers/{customer}"): _delete,
}
