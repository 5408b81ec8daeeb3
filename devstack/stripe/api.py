"""From an HTTP request under /v1 to its answer: key, route, parameters, idempotency, faults."""

from __future__ import annotations

import json
import traceback
from typing import NotRequired
from urllib.parse import urlsplit

from stripe.params import PaymentMethodCreateParams

from devstack.stripe import expansion, form, parameters
from devstack.stripe.call import Call
from devstack.stripe.errors import ApiError, Json, unknown_url
from devstack.stripe.faults import ConnectionDropped, Fault, Faults
from devstack.stripe.idempotency import Answer, Idempotency
from devstack.stripe.journal import Journal, Received
from devstack.stripe.keys import Keys
from devstack.stripe.messages import Request, Response, to_bytes
from devstack.stripe.routing import Match, Router
from devstack.stripe.state import State, random_text

#: A page passes its publishable key and the intent's secret among the parameters.
_BROWSER_FIELDS: dict[str, object] = {
    "client_secret": NotRequired[str],
    "key": NotRequired[str],
}

#: Stripe.js sends the card that a person typed; the published type leaves cards out.
_TYPED_CARD: dict[str, object] = {"payment_method_data": NotRequired[PaymentMethodCreateParams]}


_BUG: Json = {"error": {"type": "api_error", "message": "The local Stripe has a bug."}}


class Api:
    """Stripe's API for one account.

    Args:
        state: what it works on.
        api_key: the secret key; the publishable one is the same with `pk` for `sk`.
        router: one that was made before, since making one takes most of a second.
    """

    def __init__(self, state: State, *, api_key: str, router: Router | None = None) -> None:
        self.state = state
        self.keys = Keys(secret=api_key)
        self.faults = Faults()
        self.journal = Journal()
        self.idempotency = Idempotency()
        self._router = router or Router()

    def handle(self, request: Request) -> Response:
        """Answer a request under /v1.

        Raises:
            ConnectionDropped: when a fault says that the caller gets no answer.
        """
        url = urlsplit(request.target)
        request_id = f"req_{random_text(14)}"
        match = self._router.match(request.method, url.path)
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        answer: Answer | None = None
        status, replayed = 0, False
        try:
            try:
                answer = self._answer(request, match, key, request_id)
            except ApiError as error:
                answer = Answer(
                    status=error.status, body=to_bytes(error.body()), request_id=request_id
                )
            status, replayed = answer.status, answer.request_id != request_id
        finally:
            self.journal.add(
                Received(
                    method=request.method,
                    path=url.path,
                    route=match.route.name if match else f"{request.method} {url.path}",
                    status=status,
                    idempotency_key=key,
                    replayed=replayed,
                )
            )
        headers = {"Request-Id": request_id, "Stripe-Version": self.state.api_version}
        if key is not None:
            headers["Idempotency-Key"] = key
        if replayed:
            headers |= {"Idempotent-Replayed": "true", "Original-Request": answer.request_id}
        return Response(status=answer.status, body=answer.body, headers=headers)

    def _answer(
        self, request: Request, match: Match | None, key: str | None, request_id: str
    ) -> Answer:
        """The answer, new or replayed; refusals that no key keeps are raised."""
        url = urlsplit(request.target)
        raw = form.decode(url.query)
        if request.method == "POST":
            raw |= form.decode(request.body.decode("utf-8", "replace"))
        by_browser = self.keys.by_browser(request.headers, raw)
        if match is None:
            raise unknown_url(request.method, url.path)
        if by_browser and not match.route.for_browsers:
            raise ApiError(
                403,
                "invalid_request_error",
                "This API call cannot be made with a publishable API key. Please use a secret API "
                "key. You can find a list of your API keys at "
                "https://dashboard.stripe.com/account/apikeys.",
                remembered=False,
                code="secret_key_required",
            )
        fault = self.faults.take(request.method, url.path)
        if fault and fault.moment == "before" and fault.effect != "hold":
            _strike(fault)
        call = Call(
            method=request.method,
            url=url.path,
            path=match.path,
            params=_checked(raw, match.route.parameters, browsers=match.route.for_browsers),
            by_browser=by_browser,
            request_id=request_id,
            idempotency_key=key,
        )
        if key is not None:
            first = self.idempotency.begin(
                key,
                endpoint=url.path,
                parameters=json.dumps(raw, sort_keys=True),
                now=self.state.now(),
            )
            if first is not None:
                return first
        return self._perform(call, match, fault)

    def _perform(self, call: Call, match: Match, fault: Fault | None) -> Answer:
        """Run the handler once, keep what its key must keep, then let the fault strike."""
        if fault and fault.effect == "hold" and fault.moment == "before":
            fault.wait()
        kept, is_kept = self._run(call, match)
        if fault and fault.effect == "hold" and fault.moment == "after":
            fault.wait()
        answer = kept
        if fault and fault.effect == "error" and fault.moment == "after":
            error = fault.error()
            body = to_bytes(error.body())
            answer = Answer(status=error.status, body=body, request_id=call.request_id)
            kept = answer if error.remembered else kept
        key = call.idempotency_key
        if key is not None and is_kept:
            self.idempotency.finish(key, kept)
        elif key is not None:
            self.idempotency.abandon(key)
        if fault and fault.effect == "drop" and fault.moment == "after":
            raise ConnectionDropped
        return answer

    def _run(self, call: Call, match: Match) -> tuple[Answer, bool]:
        """The handler's answer, and whether an idempotency key keeps it."""
        done = False
        with self.state.lock:
            self.state.call = call
            try:
                made = match.route.handler(self.state, call)
                done = True
                status, body = (
                    200,
                    expansion.expand(self.state, made, call.params.get("expand", [])),
                )
            except ApiError as error:
                status, body = error.status, error.body()
                done = done or error.remembered
            except Exception:  # a bug here must look to the client as one of Stripe's own would
                traceback.print_exc()
                status, body, done = 500, _BUG, True
            finally:
                self.state.call = None
        answer = Answer(status=status, body=to_bytes(body), request_id=call.request_id)
        return answer, done


def _checked(raw: Json, published: type, *, browsers: bool) -> Json:
    """The typed parameters; where browsers may call, with what only they send."""
    if not browsers:
        return parameters.check(raw, published)
    typed_card = _TYPED_CARD if _TYPED_CARD.keys() & parameters.fields(published).keys() else {}
    return parameters.check(raw, published, extra=_BROWSER_FIELDS | typed_card)


def _strike(fault: Fault) -> None:
    if fault.effect == "drop":
        raise ConnectionDropped
    raise fault.error()
