"""Settings: the only reader of the environment; what is missing or wrong is named."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from chalicelib.domain.billing import Address, TaxId
from chalicelib.domain.invoice import Seller
from chalicelib.domain.invoice_tax import DEFAULT_REVERSE_CHARGE_NOTE
from chalicelib.domain.money import parse_usd
from chalicelib.domain.price_rules import TraceTerms
from chalicelib.domain.tax import TaxNotes

T = TypeVar("T")

#: Packaged beside `app.py`, in the checkout as in the Lambda.
TEMPLATES = Path(__file__).resolve().parent.parent / "templates"

#: The variable that names the table of each aggregate.
TABLE_VARIABLES = {
    "accounts": "ACCOUNTS_TABLE",
    "ledger": "LEDGER_TABLE",
    "purchases": "PURCHASES_TABLE",
    "top_ups": "TOP_UPS_TABLE",
    "customers": "CUSTOMERS_TABLE",
    "requests": "REQUESTS_TABLE",
    "sequences": "SEQUENCES_TABLE",
    "invoices": "INVOICES_TABLE",
    "notices": "NOTICES_TABLE",
    "holds": "HOLDS_TABLE",
    "purchase_days": "PURCHASE_DAYS_TABLE",
    "trace_counts": "TRACE_COUNTS_TABLE",
    "archives": "ARCHIVES_TABLE",
    "usage_days": "USAGE_DAYS_TABLE",
    "prices": "PRICES_TABLE",
}


class SettingsError(Exception):
    """A setting is missing or can't be read; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The OpenID Connect client that the Credits page is.

    `audience` goes along for providers that make tokens for an API only when asked (Auth0).
    """

    client_id: str
    authorization_url: str
    token_url: str
    scope: str
    audience: str | None


@dataclass(frozen=True)
class Settings:
    """What differs from one installation to another.

    Each is read when it is first asked for, so that a function needs no more variables, and no
    more secrets, than it uses.
    """

    environment: Mapping[str, str]

    @cached_property
    def region(self) -> str:
        """The AWS region, which Lambda itself sets."""
        return self._required("AWS_REGION")

    @cached_property
    def tables(self) -> Mapping[str, str]:
        """The table of each aggregate."""
        return {name: self._required(variable) for name, variable in TABLE_VARIABLES.items()}

    @cached_property
    def top_up_queue_url(self) -> str:
        """Where top-up hints go."""
        return self._required("TOP_UP_QUEUE_URL")

    @cached_property
    def payment_event_queue_url(self) -> str:
        """Where Stripe's events go once they are verified."""
        return self._required("PAYMENT_EVENT_QUEUE_URL")

    @cached_property
    def invoice_queue_url(self) -> str:
        """Where invoice jobs go."""
        return self._required("INVOICE_QUEUE_URL")

    @cached_property
    def usage_queue_url(self) -> str:
        """Where gateways send their usage reports."""
        return self._required("USAGE_QUEUE_URL")

    @cached_property
    def rejected_usage_queue_url(self) -> str:
        """The dead-letter queue of usage reports, for those that can never be applied."""
        return self._required("REJECTED_USAGE_QUEUE_URL")

    @cached_property
    def documents_bucket(self) -> str:
        """Where invoices are stored."""
        return self._required("DOCUMENTS_BUCKET")

    @cached_property
    def event_bus(self) -> str:
        """Where notices are published."""
        return self._required("EVENT_BUS")

    @cached_property
    def mail_sender(self) -> str | None:
        """Who writes to customers; without it nobody does."""
        return self.environment.get("MAIL_SENDER") or None

    @cached_property
    def page_url(self) -> str | None:
        """The address of the Credits page, to which mails lead."""
        return self.environment.get("PAGE_URL") or None

    @cached_property
    def stripe_api_key(self) -> str:
        """Stripe's secret or restricted key."""
        return self._required("STRIPE_API_KEY")

    @cached_property
    def stripe_publishable_key(self) -> str:
        """Stripe's key for browsers."""
        return self._required("STRIPE_PUBLISHABLE_KEY")

    @cached_property
    def stripe_api_base(self) -> str | None:
        """Another address than Stripe's own, for the local stack."""
        return self.environment.get("STRIPE_API_BASE") or None

    @cached_property
    def stripe_js_url(self) -> str:
        """Where browsers load Stripe.js from: Stripe itself, or the local stack."""
        return self.environment.get("STRIPE_JS_URL") or "https://js.stripe.com/v3/"

    @cached_property
    def stripe_webhook_secrets(self) -> tuple[str, ...]:
        """The secrets that sign webhooks; two while one replaces the other."""
        secrets = self._required("STRIPE_WEBHOOK_SECRETS").split(",")
        return tuple(secret.strip() for secret in secrets if secret.strip())

    @cached_property
    def jwt_issuer(self) -> str:
        """Who must have issued a token."""
        return self._required("JWT_ISSUER")

    @cached_property
    def jwt_audience(self) -> str:
        """For whom a token must be."""
        return self._required("JWT_AUDIENCE")

    @cached_property
    def jwt_jwks_url(self) -> str:
        """Where the issuer's public keys are."""
        return self._required("JWT_JWKS_URL")

    @cached_property
    def login(self) -> Login:
        """How people sign in to the Credits page; by default as the issuer's own pages suggest."""
        issuer = self.jwt_issuer.rstrip("/")
        return Login(
            client_id=self.environment.get("OIDC_CLIENT_ID") or "credits-page",
            authorization_url=self.environment.get("OIDC_AUTHORIZATION_URL")
            or f"{issuer}/authorize",
            token_url=self.environment.get("OIDC_TOKEN_URL") or f"{issuer}/token",
            scope=self.environment.get("OIDC_SCOPE") or "openid credits:read credits:write",
            audience=self.environment.get("OIDC_AUDIENCE") or None,
        )

    @cached_property
    def cursor_secret(self) -> bytes:
        """What signs the cursors of lists."""
        return self._required("CURSOR_SECRET").encode()

    @cached_property
    def purchase_minimum_nanos(self) -> int:
        """The least that can be bought at once."""
        return self._parsed("PURCHASE_MINIMUM", "5.00", parse_usd)

    @cached_property
    def purchase_maximum_nanos(self) -> int:
        """The most that can be bought at once."""
        return self._parsed("PURCHASE_MAXIMUM", "10000.00", parse_usd)

    @cached_property
    def prices_max_age_seconds(self) -> float:
        """How long after a change of the operator's prices others may still charge the old ones."""
        return self._parsed("PRICES_MAX_AGE_SECONDS", "5", float)

    @cached_property
    def purchase_daily_maximum_nanos(self) -> int:
        """The most that an organization can buy by hand on one day (UTC), tax included."""
        return self._parsed("PURCHASE_DAILY_MAXIMUM", "20000.00", parse_usd)

    @cached_property
    def card_tries_per_hour(self) -> int:
        """How many unpaid purchases, and how many begun cards, an organization has in an hour."""
        return self._parsed("CARD_TRIES_PER_HOUR", "20", _at_least_one)

    @cached_property
    def trace_terms(self) -> TraceTerms:
        """The plan's monthly allowance of traces, and the price of a thousand beyond it."""
        return TraceTerms(
            monthly_traces=self._parsed("TRACES_PER_MONTH", "10000", int),
            thousand_nanos=self._parsed("TRACES_PRICE_PER_THOUSAND", "0.50", parse_usd),
        )

    @cached_property
    def taxes_by_stripe(self) -> bool:
        """Whether Stripe Tax calculates what is charged on top; off by default."""
        return self._parsed("TAX", "off", {"off": False, "stripe": True}.__getitem__)

    @cached_property
    def stripe_tax_code(self) -> str:
        """Stripe's code for what is sold; by default electronically supplied services."""
        return self.environment.get("STRIPE_TAX_CODE") or "txcd_10000000"

    @cached_property
    def tax_notes(self) -> TaxNotes:
        """What invoices say of tax, in general and for the reverse charge."""
        return TaxNotes(
            general=self.environment.get("TAX_NOTE") or None,
            reverse_charge=self.environment.get("REVERSE_CHARGE_NOTE")
            or DEFAULT_REVERSE_CHARGE_NOTE,
        )

    @cached_property
    def metrics_namespace(self) -> str:
        """Where CloudWatch keeps the metrics."""
        return self.environment.get("POWERTOOLS_METRICS_NAMESPACE") or "GatewayCredits"

    @cached_property
    def seller(self) -> Seller:
        """Who issues the invoices: the file named by SELLER_FILE, in `templates/`."""
        name = self.environment.get("SELLER_FILE") or "seller.json"
        return self._parsed("SELLER_FILE", name, _read_seller)

    def _required(self, variable: str) -> str:
        value = self.environment.get(variable)
        if not value:
            raise SettingsError(f"The environment variable {variable} is missing.")
        return value

    def _parsed(self, variable: str, default: str, parse: Callable[[str], T]) -> T:
        text = self.environment.get(variable) or default
        try:
            return parse(text)
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise SettingsError(f"{variable} is {text!r}: {error}") from error


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError("must be 1 or more")
    return number


def _read_seller(name: str) -> Seller:
    data = json.loads((TEMPLATES / name).read_text(encoding="utf-8"))
    logo = data.get("logo_file")
    return Seller(
        name=data["name"],
        address=Address(**data["address"]),
        tax_ids=tuple(TaxId(**tax_id) for tax_id in data.get("tax_ids", ())),
        email=data.get("email"),
        website=data.get("website"),
        logo_svg=(TEMPLATES / logo).read_text(encoding="utf-8") if logo else None,
        footer=data.get("footer"),
    )
