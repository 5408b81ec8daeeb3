"""Webhook endpoints: where events go, as the API shows it."""

from __future__ import annotations

from devstack.stripe import lists
from devstack.stripe.call import Call, Routes
from devstack.stripe.errors import Json
from devstack.stripe.state import State


def register(state: State, url: str | None) -> None:
    """Show this address as the account's only endpoint; None shows none."""
    with state.lock:
        state.objects.pop("webhook_endpoint", None)
        if url is not None:
            state.new(
                "webhook_endpoint",
                api_version=state.api_version,
                application=None,
                description=None,
                enabled_events=["*"],
                metadata={},
                status="enabled",
                url=url,
            )


def _retrieve(state: State, call: Call) -> Json:
    name = call.path["webhook_endpoint"]
    return state.get("webhook_endpoint", name, param="webhook_endpoint", status=404)


def _list(state: State, call: Call) -> Json:
    return lists.page(call, state.all("webhook_endpoint"))


ROUTES: Routes = {
    ("GET", "/v1/webhook_endpoints"): _list,
    ("GET", "/v1/webhook_endpoints/{webhook_endpoint}"): _retrieve,
}
