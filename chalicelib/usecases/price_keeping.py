"""Keeping the operator's prices: setting them, looking at them, and quoting what comes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from chalicelib.domain.errors import BusyError, NotFoundError, ValidationFailedError
from chalicelib.domain.price_rules import PriceBook, PriceRule, Scope, TraceTerms
from chalicelib.domain.price_table import PriceTable
from chalicelib.domain.quoting import FindPrice, QuotedPrice, UnpricedModelError, quote
from chalicelib.domain.usage import ModelUsage
from chalicelib.ports import Prices

#: Operators are few: rivals for the next version are done after one of these.
_ATTEMPTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTerms:
    """What an operator decides for a scope; None says nothing about that part.

    In force from `effective_from`, or at once, until before `effective_until`, or for good.
    """

    scope: Scope
    effective_from: datetime | None = None
    effective_until: datetime | None = None
    prices: PriceTable | None = None
    mark_up_percent: Decimal | None = None
    blocked: bool | None = None
    monthly_traces: int | None = None
    thousand_traces_nanos: int | None = None

    def rule(self, *, version: int, author: str, now: datetime) -> PriceRule:
        """The decision as a version of the book.

        Raises:
            ValidationFailedError: if it can't be one.
        """
        try:
            return PriceRule(
                scope=self.scope,
                version=version,
                author=author,
                recorded_at=now,
                effective_from=self.effective_from or now,
                effective_until=self.effective_until,
                prices=self.prices,
                mark_up_percent=self.mark_up_percent,
                blocked=self.blocked,
                monthly_traces=self.monthly_traces,
                thousand_traces_nanos=self.thousand_traces_nanos,
            )
        except ValueError as error:
            raise ValidationFailedError.of("body", str(error)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceKeeping:
    """The operator's side of prices. What is asked here is always answered from the whole book."""

    prices: Prices
    find_price: FindPrice
    trace_terms: TraceTerms

    def set(self, terms: PriceTerms, *, by: str, now: datetime) -> PriceRule:
        """Decide for a scope; gives the version of that decision.

        Saying again what holds at once, and will go on to, decides nothing new.

        Raises:
            ValidationFailedError: if the terms contradict each other, or speak of the past.
            NotFoundError: if they say nothing, and there is nothing that they could end.
            BusyError: if other decisions were faster too often; nothing was decided.
        """
        for _ in range(_ATTEMPTS):
            rules = self.prices.rules()
            rule = terms.rule(version=len(rules) + 1, author=by, now=now)
            present = _latest(rules, terms.scope)
            if present is None and rule.says_nothing:
                raise NotFoundError("There is no rule for this scope.")
            if present is not None and terms.effective_from is None and _says(present, rule):
                return present
            if self.prices.append(rule):
                return rule
        raise BusyError("Others are changing prices, too; please try again.")

    def in_force(self, at: datetime) -> Sequence[PriceRule]:
        """The rules that hold at that time, by scope."""
        rules = self.prices.rules()
        book = PriceBook.of(rules)
        found = (book.rule(scope, at) for scope in {rule.scope for rule in rules})
        rules_in_force = [rule for rule in found if rule is not None]
        return sorted(rules_in_force, key=lambda rule: scope_order(rule.scope))

    def history(self, *, before_version: int | None, limit: int) -> Sequence[PriceRule]:
        """All versions, the latest first."""
        rules = self.prices.rules()
        end = len(rules) if before_version is None else min(before_version - 1, len(rules))
        return rules[max(0, end - limit) : end][::-1]

    def version(self, version: int) -> PriceRule:
        """The rule of that version.

        Raises:
            NotFoundError: if the book has none.
        """
        rules = self.prices.rules()
        if not 1 <= version <= len(rules):
            raise NotFoundError("The book of prices has no such version.")
        return rules[version - 1]

    def quote(self, usage: ModelUsage, *, organization_id: str | None, at: datetime) -> QuotedPrice:
        """The effective price of calls like these.

        Raises:
            NotFoundError: if they have none.
        """
        book = PriceBook.of(self.prices.rules())
        try:
            return quote(
                usage,
                organization_id=organization_id,
                at=at,
                find_price=self.find_price,
                book=book,
            )
        except UnpricedModelError as error:
            raise NotFoundError(error.detail) from error

    def traces(self, organization_id: str, *, at: datetime) -> TraceTerms:
        """The terms that hold for the organization's traces."""
        book = PriceBook.of(self.prices.rules())
        return book.trace_terms(organization_id=organization_id, at=at, default=self.trace_terms)


def _latest(rules: Sequence[PriceRule], scope: Scope) -> PriceRule | None:
    return next((rule for rule in reversed(rules) if rule.scope == scope), None)


def _says(present: PriceRule, rule: PriceRule) -> bool:
    """Whether a rule already says, now and until the same end, what another would."""
    return present.is_in_force(rule.effective_from) and rule == replace(
        present,
        version=rule.version,
        author=rule.author,
        recorded_at=rule.recorded_at,
        effective_from=rule.effective_from,
    )


def scope_order(scope: Scope) -> tuple[str, str, str]:
    """Where a scope is in the list of rules."""
    return scope.organization_id or "", scope.provider or "", scope.model or ""
