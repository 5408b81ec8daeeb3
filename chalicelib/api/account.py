"""The account's routes: balance, ledger, auto top-up."""

from __future__ import annotations

from chalice.app import Response

from chalicelib.api.auth import Scope
from chalicelib.api.http import Call, Routes, json_response
from chalicelib.api.parsing import read_top_up_settings, read_window
from chalicelib.api.presenting import account_body, entry_body, list_body, top_up_body

routes = Routes()


@routes.organization("GET", "/credits", Scope.READ)
def get_credits(call: Call) -> Response:
    """The balance that all projects of the organization share."""
    call.query()
    account = call.services.ledger.account(call.organization_id)
    top_up = call.services.top_ups.get(call.organization_id)
    return json_response(account_body(account, top_up, call))


@routes.organization("GET", "/ledger", Scope.READ)
def list_ledger(call: Call) -> Response:
    """Every entry that changed the account, newest first."""
    query = call.query("from", "to", "limit", "cursor")
    window = read_window(call, query, list_name="ledger")
    page = call.services.ledger.entries(call.organization_id, window)
    entries = [entry_body(entry) for entry in page.items]
    return json_response(list_body(entries, call=call, list_name="ledger", after=page.after))


@routes.organization("GET", "/auto-top-up", Scope.READ)
def get_auto_top_up(call: Call) -> Response:
    """The standing order and how it fares."""
    call.query()
    return json_response(top_up_body(call.services.top_ups.get(call.organization_id), call))


@routes.organization("PUT", "/auto-top-up", Scope.WRITE)
def put_auto_top_up(call: Call) -> Response:
    """Save the standing order."""
    settings = read_top_up_settings(
        call.body(),
        least=call.services.settings.purchase_minimum_nanos,
        most=call.services.settings.purchase_maximum_nanos,
    )
    top_up = call.services.topping_up.configure(
        call.organization_id, settings, by=call.caller.subject, now=call.now
    )
    return json_response(top_up_body(top_up, call))
