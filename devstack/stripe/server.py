"""The local Stripe as one thing to start and stop."""

from __future__ import annotations

import threading
from types import TracebackType

import stripe

from devstack.stripe import browser, control
from devstack.stripe.api import Api
from devstack.stripe.connections import Server, path_of
from devstack.stripe.delivery import Deliverer, Patience
from devstack.stripe.messages import Request, Response, to_bytes
from devstack.stripe.objects import webhook_endpoints
from devstack.stripe.sending import Endpoint
from devstack.stripe.state import State

DEFAULT_API_KEY = "sk_test_local"
DEFAULT_WEBHOOK_SECRET = "whsec_local"  # noqa: S105 - it opens nothing but a local stack

#: Pages from other loopback ports call the API with a publishable key, as they do Stripe's.
_CROSS_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "authorization, content-type, idempotency-key, stripe-version",
    "Access-Control-Allow-Methods": "GET, POST, DELETE, OPTIONS",
    "Access-Control-Expose-Headers": "Request-Id, Idempotent-Replayed",
}
_JSON = {"Content-Type": "application/json"}


class LocalStripe:
    """A Stripe of one's own on 127.0.0.1, between `start` and `stop`.

    Args:
        port: 0 takes any free one.
        webhook_url: where events go; None records them only.
        webhook_secret: signs them.
        api_key: the secret key; the publishable one is the same with `pk` for `sk`.
        patience: how undelivered events are tried again.
        seller_country: where the seller is, for reverse charge.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        webhook_url: str | None = None,
        webhook_secret: str = DEFAULT_WEBHOOK_SECRET,
        api_key: str = DEFAULT_API_KEY,
        patience: Patience | None = None,
        seller_country: str = "DE",
    ) -> None:
        self.webhook_secrets = (webhook_secret,)
        self.state = State(api_version=stripe.api_version, seller_country=seller_country)
        self.api = Api(self.state, api_key=api_key)
        endpoint = webhook_url and Endpoint(url=webhook_url, secrets=self.webhook_secrets)
        self.webhooks = Deliverer(
            self.state, endpoint=endpoint or None, patience=patience or Patience()
        )
        self.state.on_event = self.webhooks.record
        self._port = port
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return self.state.base_url

    @property
    def api_key(self) -> str:
        """The secret key."""
        return self.api.keys.secret

    @property
    def publishable_key(self) -> str:
        """The key for pages."""
        return self.api.keys.publishable

    def start(self) -> LocalStripe:
        """Listen, and begin to send events.

        Raises:
            OSError: when the port is taken.
        """
        self._server = Server(("127.0.0.1", self._port), self._answer)
        self.state.base_url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="local-stripe", daemon=True
        )
        self._thread.start()
        self._show_endpoint()
        self.webhooks.start()
        return self

    def stop(self) -> None:
        """Stop listening and sending; every connection is closed."""
        if self._server is None or self._thread is None:
            return
        self.api.faults.clear()
        self._server.shutdown()
        self._thread.join()
        self._server.close_all()
        self._server.server_close()
        self.webhooks.stop()
        self._server = self._thread = None

    def __enter__(self) -> LocalStripe:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def reset(self) -> None:
        """Forget everything but the address: objects, events, keys, faults, rules, records."""
        self.api.faults.clear()
        self.webhooks.clear()
        self.api.idempotency.clear()
        self.api.journal.clear()
        self.state.clear()
        self._show_endpoint()

    def point_webhooks(self, endpoint: Endpoint | None) -> None:
        """Send events to another address, or nowhere, from now on."""
        self.webhooks.point_at(endpoint)
        self._show_endpoint()

    def _show_endpoint(self) -> None:
        endpoint = self.webhooks.endpoint
        webhook_endpoints.register(self.state, endpoint.url if endpoint else None)

    def _answer(self, request: Request) -> Response:
        path = path_of(request)
        if path.startswith("/v1/"):
            if request.method == "OPTIONS":
                return Response(status=204, body=b"", headers=_CROSS_ORIGIN)
            answer = self.api.handle(request)
            headers = {**answer.headers, **_JSON, **_CROSS_ORIGIN}
            return Response(status=answer.status, body=answer.body, headers=headers)
        if path.startswith("/_control/"):
            return self._control(request, path)
        return browser.page(request.method, path, self.state)

    def _control(self, request: Request, path: str) -> Response:
        typed = request.headers.get("content-type", "").startswith("application/json")
        if request.method != "GET" and not typed:
            # A foreign page can send a form without asking, but JSON only after a preflight, which
            # the control routes never grant.
            body = to_bytes({"error": {"message": "control requests are application/json"}})
            return Response(status=415, body=body, headers=_JSON)
        reply = control.handle(self, method=request.method, path=path, body=request.body)
        return Response(status=reply.status, body=to_bytes(reply.body), headers=_JSON)
