"""The local Stripe in this process: reached through stripe-python's own client, by our clock."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import stripe
from stripe import StripeClient

from devstack.stripe import control_objects
from devstack.stripe.api import Api
from devstack.stripe.faults import ConnectionDropped, Fault
from devstack.stripe.messages import Request
from devstack.stripe.routing import Router
from devstack.stripe.state import State
from simulation import faults as kinds

if TYPE_CHECKING:
    from simulation.world import World

API_KEY = "sk_test_simulation"
#: As chalicelib.adapters.stripe_payments sets the real client up.
_RETRIES = 1
_OK = 200
_SERVER_ERROR = 500


class SimulatedState(State):
    """What the local Stripe remembers, by the simulation's clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(api_version=stripe.api_version, seller_country="DE")
        self._clock = clock

    def now(self) -> int:
        """See State."""
        return int(self._clock())


@cache
def shared_router() -> Router:
    """The routes; they remember nothing, and take most of a second to read."""
    return Router()


class StripeSide:
    """One Stripe for one world."""

    def __init__(self, world: World) -> None:
        self.state = SimulatedState(lambda: world.scheduler.now)
        self.api = Api(self.state, api_key=API_KEY, router=shared_router())
        self.client = StripeClient(
            API_KEY,
            max_network_retries=_RETRIES,
            http_client=InProcessHttp(world, self.api),
            base_addresses={"api": "http://stripe.invalid"},
        )

    def send(self, method: str, path: str, params: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """A request of somebody else's, such as a browser's; nothing befalls it."""
        request = Request(
            method=method,
            target=path,
            headers={"authorization": f"Bearer {API_KEY}"},
            body=urlencode(params).encode(),
        )
        answer = self.api.handle(request)
        return answer.status, json.loads(answer.body)

    def confirm_setup(self, setup_id: str, card: str) -> str | None:
        """The browser saves a card; gives its id, None if that failed."""
        params = {"payment_method": card, "return_url": "https://example.com"}
        status, body = self.send("POST", f"/v1/setup_intents/{setup_id}/confirm", params)
        if status == _OK and body["status"] == "requires_action":
            body = control_objects.authenticate_setup(self.state, setup_id, outcome="accept")
        return str(body["payment_method"]) if body.get("status") == "succeeded" else None

    def payments_of(self, organization_id: str, status: str | None) -> list[dict[str, Any]]:
        """An organization's payments with that status, oldest first."""
        return [
            intent
            for intent in self.objects("payment_intent").values()
            if intent["metadata"].get("organization_id") == organization_id
            and status in {None, intent["status"]}
        ]

    def cards_of(self, organization_id: str) -> list[str]:
        """The cards that an organization has at Stripe."""
        owners = {
            customer["id"]
            for customer in self.objects("customer").values()
            if customer["metadata"].get("organization_id") == organization_id
        }
        methods = self.objects("payment_method").values()
        return [method["id"] for method in methods if method["customer"] in owners]

    def objects(self, kind: str) -> Mapping[str, dict[str, Any]]:
        """Stripe's own view of its objects, by id."""
        return self.state.objects.get(kind, {})


class _Headers(dict[str, str]):
    """Answered headers, found in either case, as those of `requests` are."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in headers.items()})

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())

    def get(self, name: str, default: Any = None) -> Any:
        """See dict."""
        return super().get(name.lower(), default)


class InProcessHttp(stripe.HTTPClient):
    """The HTTP client of stripe-python that goes to the local Stripe, and may be befallen."""

    name = "simulation"

    def __init__(self, world: World, api: Api) -> None:
        super().__init__()
        self._world = world
        self._api = api

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """See stripe.HTTPClient."""
        split = urlsplit(url)
        sent = Request(
            method=method.upper(),
            target=f"{split.path}?{split.query}" if split.query else split.path,
            headers={name.lower(): value for name, value in (headers or {}).items()},
            body=(post_data or "").encode(),
        )
        ways = self._world.ways
        kind, actor = ways.set_out("stripe", sent.method, about=split.path)
        if kind is kinds.REQUEST_LOST:
            raise _timed_out()
        fault = _FAULTS[kind](sent) if kind in _FAULTS else None
        if fault is not None:
            self._api.faults.add(fault)
        try:
            answer = self._api.handle(sent)
        except ConnectionDropped:
            raise _timed_out() from None
        finally:
            self._api.faults.clear()
        self._world.story.answered(actor, answer.status)
        if answer.status >= _SERVER_ERROR and fault is None:
            self._world.faults.note(actor, "error remembered", "stripe", self._world.scheduler.now)
        if kind in {kinds.DIES_AFTER, kinds.ANSWER_LOST}:
            ways.lose_answer(actor, kind, "stripe")
            raise _timed_out()
        if kind is kinds.ANSWER_LATE:
            ways.pause(9 * actor.stream.fraction())
        return answer.body.decode(), answer.status, _Headers(answer.headers)

    def close(self) -> None:
        """Nothing is open."""


_FAULTS: Mapping[str | None, Callable[[Request], Fault]] = {
    kinds.THROTTLED: lambda _: Fault(status=429),
    kinds.SERVER_ERROR: lambda _: Fault(status=500),
    kinds.KEY_IN_USE: lambda _: Fault(status=409),
    # Stripe keeps its 500s under the request's key, most of the time.
    kinds.ERROR_AFTER: lambda sent: Fault(
        moment="after", status=500, remembered=len(sent.body) % 2 == 0
    ),
}


def _timed_out() -> stripe.APIConnectionError:
    return stripe.APIConnectionError("timed out", should_retry=True)  # type: ignore[no-untyped-call]
