"""The operator's price rules in DynamoDB: appended under a condition, never changed, and cached.

The book is one partition, sorted by version, so that a container reads it once, and then only what
was appended since: one read unit each time it asks whether there is anything new.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError
from pynamodb.models import Model

from chalicelib.adapters.dynamodb.attributes import DataAttribute, TimeAttribute
from chalicelib.adapters.dynamodb.connection import code_of
from chalicelib.adapters.dynamodb.models import MODELS
from chalicelib.domain.errors import BusyError
from chalicelib.domain.price_rules import PriceBook, PriceRule, Scope
from chalicelib.domain.price_table import PriceTable, PriceTier, UnitPrice
from chalicelib.domain.units import CALLS, UNITS

_BOOK = "prices"
_UNITS = {**UNITS, CALLS.name: CALLS}
_TAKEN = "ConditionalCheckFailedException"


class PriceRuleModel(Model):
    """One version of the book."""

    class Meta:
        table_name = ""

    book = UnicodeAttribute(hash_key=True)
    version = NumberAttribute(range_key=True)
    scope = DataAttribute()
    terms = DataAttribute()
    author = UnicodeAttribute()
    recorded_at = TimeAttribute()
    effective_from = TimeAttribute()
    effective_until = TimeAttribute(null=True)


MODELS["prices"] = PriceRuleModel


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What was read, and when; replaced as a whole, since threads share it."""

    rules: tuple[PriceRule, ...] = ()
    book: PriceBook
    read_at: float = float("-inf")

    @property
    def last_version(self) -> int:
        return self.rules[-1].version if self.rules else 0


class DynamoPrices:
    """The Prices port; `book` is at most `max_age_seconds` behind what other containers append."""

    def __init__(
        self, *, max_age_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_age_seconds = max_age_seconds
        self._clock = clock
        self._known = _Known(book=PriceBook())

    def book(self) -> PriceBook:
        """See the port."""
        if self._clock() - self._known.read_at >= self._max_age_seconds:
            self._read_on()
        return self._known.book

    def rules(self) -> Sequence[PriceRule]:
        """See the port."""
        return self._read_on().rules

    def append(self, rule: PriceRule) -> bool:
        """See the port."""
        row = _row(rule)
        try:
            row.save(condition=PriceRuleModel.book.does_not_exist())
        except PutError as error:
            if code_of(error) != _TAKEN:
                raise BusyError("The prices can't be changed now; please try again.") from error
            # It may be this very rule, whose answer was lost before botocore tried again.
            taken = PriceRuleModel.get(_BOOK, rule.version, consistent_read=True)
            return _rule(taken) == rule
        self._read_on()
        return True

    def _read_on(self) -> _Known:
        known, read_at = self._known, self._clock()
        rows = PriceRuleModel.query(
            _BOOK, PriceRuleModel.version > known.last_version, consistent_read=True
        )
        fresh = tuple(map(_rule, rows))
        rules = (*known.rules, *fresh)
        self._known = _Known(
            rules=rules, book=PriceBook.of(rules) if fresh else known.book, read_at=read_at
        )
        return self._known


def _row(rule: PriceRule) -> PriceRuleModel:
    scope = rule.scope
    terms = {
        "prices": None if rule.prices is None else [_price_data(p) for p in rule.prices.prices],
        "mark_up_percent": None if rule.mark_up_percent is None else f"{rule.mark_up_percent:f}",
        "blocked": rule.blocked,
        "monthly_traces": rule.monthly_traces,
        "thousand_traces": rule.thousand_traces_nanos,
    }
    names = {
        "organization_id": scope.organization_id,
        "provider": scope.provider,
        "model": scope.model,
    }
    return PriceRuleModel(
        book=_BOOK,
        version=rule.version,
        scope={name: value for name, value in names.items() if value is not None},
        terms={name: value for name, value in terms.items() if value is not None},
        author=rule.author,
        recorded_at=rule.recorded_at,
        effective_from=rule.effective_from,
        effective_until=rule.effective_until,
    )


def _rule(row: PriceRuleModel) -> PriceRule:
    scope: Mapping[str, Any] = row.scope
    terms: Mapping[str, Any] = row.terms
    prices, mark_up = terms.get("prices"), terms.get("mark_up_percent")
    return PriceRule(
        scope=Scope(**scope),
        version=int(row.version),
        author=row.author,
        recorded_at=row.recorded_at,
        effective_from=row.effective_from,
        effective_until=row.effective_until,
        prices=None if prices is None else PriceTable(prices=tuple(map(_price, prices))),
        mark_up_percent=None if mark_up is None else Decimal(mark_up),
        blocked=terms.get("blocked"),
        monthly_traces=terms.get("monthly_traces"),
        thousand_traces_nanos=terms.get("thousand_traces"),
    )


def _price_data(price: UnitPrice) -> list[object]:
    tiers = [[tier.above_input_tokens, f"{tier.usd:f}"] for tier in price.tiers]
    return [price.unit.name, f"{price.usd:f}", tiers]


def _price(data: Sequence[Any]) -> UnitPrice:
    unit, usd, tiers = data
    return UnitPrice(
        unit=_UNITS[unit],
        usd=Decimal(usd),
        tiers=tuple(
            PriceTier(above_input_tokens=above, usd=Decimal(tier_usd)) for above, tier_usd in tiers
        ),
    )
