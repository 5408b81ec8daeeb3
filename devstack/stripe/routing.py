"""Which handler answers which of Stripe's routes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from devstack.stripe import published
from devstack.stripe.call import Handler
from devstack.stripe.objects import (
    balance,
    charges,
    customers,
    disputes,
    events,
    payment_intents,
    payment_methods,
    refunds,
    setup_intents,
    tax,
    tax_ids,
    tax_transactions,
    webhook_endpoints,
)

_MODULES = (
    balance,
    charges,
    customers,
    disputes,
    events,
    payment_intents,
    payment_methods,
    refunds,
    setup_intents,
    tax,
    tax_ids,
    tax_transactions,
    webhook_endpoints,
)

#: What a page may do with a publishable key; everything but the first needs a client secret too.
_FOR_BROWSERS = {
    ("POST", "/v1/payment_methods"),
    ("GET", "/v1/payment_intents/{intent}"),
    ("POST", "/v1/payment_intents/{intent}/confirm"),
    ("GET", "/v1/setup_intents/{intent}"),
    ("POST", "/v1/setup_intents/{intent}/confirm"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One of Stripe's routes: its template, the type of its parameters, and who answers."""

    method: str
    template: str
    parameters: type
    handler: Handler
    for_browsers: bool

    @property
    def name(self) -> str:
        """The route as people write it."""
        return f"{self.method} {self.template}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A route with the ids that its path names."""

    route: Route
    path: Mapping[str, str]


class Router:
    """Finds the route of a path; knows every route that this small Stripe plays.

    Raises:
        LookupError: when a handler serves a route that the pinned stripe-python does not have.
    """

    def __init__(self) -> None:
        handlers: dict[tuple[str, str], Handler] = {}
        for module in _MODULES:
            handlers.update(module.ROUTES)
        types = published.parameter_types(frozenset(handlers))
        self._routes = [
            (
                re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)),
                Route(
                    method=method,
                    template=template,
                    parameters=types[method, template],
                    handler=handler,
                    for_browsers=(method, template) in _FOR_BROWSERS,
                ),
            )
            for (method, template), handler in handlers.items()
        ]

    def match(self, method: str, path: str) -> Match | None:
        """The route that serves this, if there is one."""
        for pattern, route in self._routes:
            found = pattern.fullmatch(path) if route.method == method else None
            if found:
                ids = {name: unquote(value) for name, value in found.groupdict().items()}
                return Match(route=route, path=ids)
        return None
