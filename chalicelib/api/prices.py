"""The prices' routes: what a model costs, and what the operator decided about it.

A rule's scope is in the body, not in the path: names of models have slashes and colons in them.
"""

from __future__ import annotations

import re
from decimal import Decimal

from chalice.app import Response

from chalicelib.api.auth import Scope
from chalicelib.api.http import Call, Routes, json_response
from chalicelib.api.parsing import read_window, refuse_unless
from chalicelib.api.presenting import Body, list_body
from chalicelib.api.price_parsing import read_terms
from chalicelib.api.price_queries import read_at, read_model, read_organization
from chalicelib.domain.instant import format_instant
from chalicelib.domain.money import format_usd
from chalicelib.domain.price_rules import PriceRule
from chalicelib.domain.price_table import PriceTable
from chalicelib.usecases.price_keeping import scope_order

routes = Routes()

_VERSION = re.compile(r"[1-9][0-9]{0,8}")
_READERS = (Scope.OPERATOR, Scope.GATEWAY)


@routes.protected("GET", "/v1/prices/quote", *_READERS)
def get_quote(call: Call) -> Response:
    """The effective price of a model, for an organization or for anyone."""
    query = call.query("provider", "model", "at", "organization_id", "price_context")
    usage = read_model(query)
    organization_id, at = read_organization(query), read_at(query, now=call.now)
    quoted = call.services.price_keeping.quote(usage, organization_id=organization_id, at=at)
    return json_response(
        {
            "provider": quoted.provider,
            "model": quoted.model,
            "price_context": dict(usage.price_context),
            "organization_id": organization_id,
            "at": format_instant(at),
            "version": quoted.version,
            "mark_up_percent": _decimal(quoted.mark_up_percent),
            "blocked": quoted.blocked,
            "prices": _prices_body(quoted.table),
        }
    )


@routes.protected("GET", "/v1/prices/traces", *_READERS)
def get_trace_terms(call: Call) -> Response:
    """How many traces of a month are free for an organization, and what more of them cost."""
    query = call.query("organization_id", "at")
    organization_id, at = read_organization(query), read_at(query, now=call.now)
    refuse_unless(organization_id is not None, "organization_id", "is required")
    terms = call.services.price_keeping.traces(organization_id or "", at=at)
    return json_response(
        {
            "organization_id": organization_id,
            "at": format_instant(at),
            "version": terms.version,
            "monthly_traces": terms.monthly_traces,
            "thousand_traces": format_usd(terms.thousand_nanos),
        }
    )


@routes.protected("GET", "/v1/prices", *_READERS)
def list_prices(call: Call) -> Response:
    """The rules in force, by scope."""
    query = call.query("at", "limit", "cursor")
    at = read_at(query, now=call.now)
    list_name = f"prices/{query.get('at', 'now')}"
    window = read_window(call, query, list_name=list_name)
    rules = call.services.price_keeping.in_force(at)
    if window.after is not None:
        rules = [rule for rule in rules if "\n".join(scope_order(rule.scope)) > window.after]
    shown = rules[: window.limit]
    after = "\n".join(scope_order(shown[-1].scope)) if len(rules) > len(shown) else None
    bodies = [_rule_body(rule) for rule in shown]
    return json_response(list_body(bodies, call=call, list_name=list_name, after=after))


@routes.protected("GET", "/v1/prices/history", *_READERS)
def list_price_history(call: Call) -> Response:
    """All versions of all rules, the latest first."""
    window = read_window(call, call.query("limit", "cursor"), list_name="prices/history")
    before = None if window.after is None else int(window.after)
    found = call.services.price_keeping.history(before_version=before, limit=window.limit + 1)
    shown = found[: window.limit]
    after = str(shown[-1].version) if len(found) > len(shown) else None
    bodies = [_rule_body(rule) for rule in shown]
    return json_response(list_body(bodies, call=call, list_name="prices/history", after=after))


@routes.protected("GET", "/v1/prices/history/{version}", *_READERS)
def get_price_version(call: Call, version: str) -> Response:
    """One version, as ledger entries name it: "own v7" is the seventh."""
    call.query()
    number = int(version) if _VERSION.fullmatch(version) else 0
    return json_response(_rule_body(call.services.price_keeping.version(number)))


@routes.protected("PUT", "/v1/prices", Scope.OPERATOR)
def put_prices(call: Call) -> Response:
    """Decide for a scope: own prices, mark-up, block, terms of traces; or end what was decided."""
    call.query()
    terms = read_terms(call.body(), now=call.now)
    rule = call.services.price_keeping.set(terms, by=call.caller.subject, now=call.now)
    return json_response(_rule_body(rule))


def _rule_body(rule: PriceRule) -> Body:
    scope, thousand = rule.scope, rule.thousand_traces_nanos
    return {
        "version": rule.version,
        "scope": {
            "organization_id": scope.organization_id,
            "provider": scope.provider,
            "model": scope.model,
        },
        "author": rule.author,
        "recorded_at": format_instant(rule.recorded_at),
        "effective_from": format_instant(rule.effective_from),
        "effective_until": rule.effective_until and format_instant(rule.effective_until),
        "prices": None if rule.prices is None else _prices_body(rule.prices),
        "mark_up_percent": None if rule.mark_up_percent is None else _decimal(rule.mark_up_percent),
        "blocked": rule.blocked,
        "monthly_traces": rule.monthly_traces,
        "thousand_traces": None if thousand is None else format_usd(thousand),
    }


def _prices_body(table: PriceTable) -> list[Body]:
    return [
        {
            "unit": price.unit.name,
            "per": price.unit.per,
            "usd": _decimal(price.usd),
            "tiers": [
                {"above_input_tokens": tier.above_input_tokens, "usd": _decimal(tier.usd)}
                for tier in price.tiers
            ],
        }
        for price in table.prices
    ]


def _decimal(number: Decimal) -> str:
    """All digits, without an exponent and without zeros that say nothing."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
