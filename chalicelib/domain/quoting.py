"""The effective price of a model at a time: the catalogue's or the operator's own, marked up.

A model that nobody has priced is refused: it is never free, and its price is never guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from chalicelib.domain.errors import ValidationFailedError
from chalicelib.domain.price_rules import ModelTerms, PriceBook
from chalicelib.domain.price_table import PriceTable
from chalicelib.domain.usage import ModelUsage


class PricingError(ValidationFailedError):
    """Usage that can't be given its price; `reason` tells the kinds apart."""

    reason = "uncountable_usage"


class UnpricedModelError(PricingError):
    """A model, or something that was used of it, has no price."""

    reason = "unpriced_model"


class BlockedModelError(PricingError):
    """A model that the operator doesn't sell, or not to this organization."""

    reason = "blocked_model"


@dataclass(frozen=True, slots=True, kw_only=True)
class CataloguePrice:
    """What the catalogue says: its names for provider and model, its version, and the prices."""

    provider: str
    model: str
    version: str
    table: PriceTable


#: Asks the catalogue for the price of calls like these at a time; None where it knows none.
FindPrice = Callable[[ModelUsage, datetime], CataloguePrice | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedPrice:
    """The effective price of a model: the table has the mark-up in it already.

    `version` says where it is from, such as "genai-prices 0.2.3, mark-up v5" or "own v7".
    """

    provider: str
    model: str
    table: PriceTable
    mark_up_percent: Decimal
    version: str
    blocked: bool


def quote(
    usage: ModelUsage,
    *,
    organization_id: str | None,
    at: datetime,
    find_price: FindPrice,
    book: PriceBook,
) -> QuotedPrice:
    """The price of calls like these at a time, for an organization or for anyone.

    Raises:
        UnpricedModelError: if neither the catalogue nor the operator has a price.
    """
    listed = find_price(usage, at)
    names = _names(usage, listed)
    terms = book.model_terms(organization_id=organization_id, names=names, at=at)
    if terms.prices is not None:
        table, version = terms.prices, f"own v{terms.prices_version}"
    elif listed is not None:
        table, version = listed.table, listed.version
    else:
        raise UnpricedModelError(f"{described(usage)} has no price")
    provider, model = names[0]
    return QuotedPrice(
        provider=provider,
        model=model,
        table=table.times(1 + terms.mark_up_percent / 100) if terms.mark_up_percent else table,
        mark_up_percent=terms.mark_up_percent,
        version=_version(version, terms),
        blocked=terms.blocked,
    )


def described(usage: ModelUsage) -> str:
    """The model as the gateway called it, such as "openai/gpt-4o (processing=batch)"."""
    name = f"{usage.provider}/{usage.model}"
    context = ", ".join("=".join(pair) for pair in usage.price_context)
    return f"{name} ({context})" if context else name


def _names(usage: ModelUsage, listed: CataloguePrice | None) -> tuple[tuple[str, str], ...]:
    """The names that rules may know a model by, the gateway's own last, since it matters most."""
    mine = usage.provider.lower(), usage.model.lower()
    if listed is None:
        return (mine,)
    theirs = listed.provider.lower(), listed.model.lower()
    return tuple(dict.fromkeys((theirs, (theirs[0], mine[1]), (mine[0], theirs[1]), mine)))


def _version(version: str, terms: ModelTerms) -> str:
    if terms.mark_up_version is None:
        return version
    return f"{version}, mark-up v{terms.mark_up_version}"
