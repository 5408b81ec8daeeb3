"""The routes of payment methods."""

from __future__ import annotations

from devstack.stripe import lists
from devstack.stripe.call import Call, Routes
from devstack.stripe.cards import BY_NAME
from devstack.stripe.errors import Json, invalid, missing, refused
from devstack.stripe.objects import wallet
from devstack.stripe.objects.lookup import customer_of, full_billing_details
from devstack.stripe.objects.metadata import merged
from devstack.stripe.state import State


def _create(state: State, call: Call) -> Json:
    return wallet.from_data(state, call.params, param="card", by_browser=call.by_browser)


def _retrieve(state: State, call: Call) -> Json:
    return state.get(
        "payment_method", call.path["payment_method"], param="payment_method", status=404
    )


def _update(state: State, call: Call) -> Json:
    found = _retrieve(state, call)
    params = call.params
    changes: Json = {"metadata": merged(found["metadata"], params.get("metadata"))}
    if found["customer"] is None:
        raise refused("You must save this PaymentMethod to a customer before you can update it.")
    if "billing_details" in params:
        changes["billing_details"] = full_billing_details(
            params["billing_details"] or None, found["billing_details"]
        )
    if "allow_redisplay" in params:
        changes["allow_redisplay"] = params["allow_redisplay"]
    if "card" in params:
        changes["card"] = found["card"] | {
            name: params["card"][name]
            for name in ("exp_month", "exp_year")
            if name in params["card"]
        }
    return state.change(found, "payment_method.updated", **changes)


def _attach(state: State, call: Call) -> Json:
    if "customer" not in call.params:
        raise invalid(
            "Missing required param: customer.", param="customer", code="parameter_missing"
        )
    customer = customer_of(state, call.params["customer"], param="customer")
    name = call.path["payment_method"]
    if name not in BY_NAME:
        _retrieve(state, call)
    return wallet.attach_to(state, name, customer["id"], param="payment_method")


def _detach(state: State, call: Call) -> Json:
    found = _retrieve(state, call)
    if found["customer"] is None:
        raise refused(
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible.",
            param="payment_method",
        )
    return wallet.detach(state, found)


def _list(state: State, call: Call) -> Json:
    if "customer" not in call.params:
        return lists.page(call, [])
    customer = customer_of(state, call.params["customer"], param="customer")
    return lists.page(call, _of(state, customer["id"]), "type", "allow_redisplay")


def _list_of_customer(state: State, call: Call) -> Json:
    customer = customer_of(state, call.path["customer"], param="customer", status=404)
    return lists.page(call, _of(state, customer["id"]), "type", "allow_redisplay")


def _retrieve_of_customer(state: State, call: Call) -> Json:
    customer = customer_of(state, call.path["customer"], param="customer", status=404)
    found = _retrieve(state, call)
    if found["customer"] != customer["id"]:
        raise missing("payment_method", found["id"], param="payment_method", status=404)
    return found


def _of(state: State, customer: str) -> list[Json]:
    return [item for item in state.all("payment_method") if item["customer"] == customer]


ROUTES: Routes = {
    ("POST", "/v1/payment_methods"): _create,
    ("GET", "/v1/payment_methods"): _list,
    ("GET", "/v1/payment_methods/{payment_method}"): _retrieve,
    ("POST", "/v1/payment_methods/{payment_method}"): _update,
    ("POST", "/v1/payment_methods/{payment_method}/attach"): _attach,
    ("POST", "/v1/payment_methods/{payment_method}/detach"): _detach,
    ("GET", "/v1/customers/{customer}/payment_methods"): _list_of_customer,
    ("GET", "/v1/customers/{customer}/payment_methods/{payment_method}"): _retrieve_of_customer,
}
