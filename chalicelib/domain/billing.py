"""Whom an invoice is made out to: name, postal address and tax ID of an organization."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address; `country` is an ISO 3166-1 alpha-2 code."""

    line1: str
    city: str
    postal_code: str
    country: str
    line2: str | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxId:
    """A tax ID as Stripe types it, such as `eu_vat` and `DE123456789`."""

    type: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingDetails:
    """Name and address of the buyer, and the tax ID if there is one."""

    name: str
    address: Address
    email: str | None = None
    tax_id: TaxId | None = None
