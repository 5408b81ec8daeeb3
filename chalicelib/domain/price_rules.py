"""The operator's price book: own prices, mark-ups and blocks, and which of them are in force.

A rule is about a scope: everything, a provider, a model, an organization, or an organization's use
of a provider or a model. Rules apply from the least to the most special scope, in that order; each
replaces what it speaks of and leaves the rest:

- own prices replace the price so far, and its mark-up with it: they are what is charged,
- a mark-up replaces the mark-up so far,
- a block, or its lifting, replaces the one so far,
- the terms of traces likewise, one by one.

A rule is never changed. A later version for its scope takes its place from `effective_from` on, and
versions are numbered through the whole book, so that "v7" names one decision of one author.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from chalicelib.domain.price_table import PriceTable

#: From a model given away to one at about a hundred times its price; more is a slip of the pen.
MIN_MARK_UP_PERCENT = Decimal(-100)
MAX_MARK_UP_PERCENT = Decimal(10_000)
MARK_UP_DECIMALS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a rule is about; names of providers and models are compared without regard to case."""

    organization_id: str | None = None
    provider: str | None = None
    model: str | None = None

    def __post_init__(self) -> None:
        if self.model is not None and self.provider is None:
            raise ValueError("a model needs its provider")
        for name in ("provider", "model"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, value.lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRule:
    """One version of what the operator decided for a scope; None says nothing about that part.

    It is in force from `effective_from` until before `effective_until`. One that says nothing at
    all ends the versions before it.
    """

    scope: Scope
    version: int
    author: str
    recorded_at: datetime
    effective_from: datetime
    effective_until: datetime | None = None
    prices: PriceTable | None = None
    mark_up_percent: Decimal | None = None
    blocked: bool | None = None
    monthly_traces: int | None = None
    thousand_traces_nanos: int | None = None

    def __post_init__(self) -> None:
        if self.effective_from < self.recorded_at:
            raise ValueError("a price can't be set for the past, which has been paid for")
        if self.effective_until is not None and self.effective_until <= self.effective_from:
            raise ValueError("must end after it begins")
        if self.prices is not None and self.mark_up_percent is not None:
            raise ValueError("own prices are final: a mark-up on them belongs into the prices")
        if self.mark_up_percent is not None and not _is_mark_up(self.mark_up_percent):
            raise ValueError(
                f"a mark-up is from {MIN_MARK_UP_PERCENT} to {MAX_MARK_UP_PERCENT} percent,"
                f" with at most {MARK_UP_DECIMALS} decimals"
            )
        traces = (self.monthly_traces, self.thousand_traces_nanos)
        if self.scope.provider is not None and traces != (None, None):
            raise ValueError("traces have no provider")
        if any(term is not None and term < 0 for term in traces):
            raise ValueError("terms of traces are zero or more")

    @property
    def says_nothing(self) -> bool:
        """Whether it only ends what was in force before it."""
        terms = (self.prices, self.mark_up_percent, self.blocked)
        return {*terms, self.monthly_traces, self.thousand_traces_nanos} == {None}

    def is_in_force(self, at: datetime) -> bool:
        """Whether the rule counts at that time, if no later version does."""
        return self.effective_from <= at and (
            self.effective_until is None or at < self.effective_until
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTerms:
    """What the rules in force say together about a call; each part with the version it is from."""

    prices: PriceTable | None = None
    prices_version: int | None = None
    mark_up_percent: Decimal = Decimal(0)
    mark_up_version: int | None = None
    blocked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceTerms:
    """How many traces of a month are free, and what a thousand more cost, in nano-dollars."""

    monthly_traces: int
    thousand_nanos: int
    version: str = "configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBook:
    """All rules of the operator, by scope, each scope's from the last that takes effect on."""

    _rules: Mapping[Scope, tuple[PriceRule, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, rules: Iterable[PriceRule]) -> PriceBook:
        """The book of these rules, in whatever order they come."""
        scopes: dict[Scope, list[PriceRule]] = {}
        for rule in rules:
            scopes.setdefault(rule.scope, []).append(rule)
        return cls(
            _rules={
                scope: tuple(sorted(versions, key=_precedence, reverse=True))
                for scope, versions in scopes.items()
            }
        )

    def rule(self, scope: Scope, at: datetime) -> PriceRule | None:
        """The rule in force for exactly that scope.

        Of several that are, it is the one that took effect last: a promotion covers what was in
        force before it, which returns when the promotion ends. Of those, the latest version.
        """
        return next((rule for rule in self._rules.get(scope, ()) if rule.is_in_force(at)), None)

    def model_terms(
        self,
        *,
        organization_id: str | None,
        names: Iterable[tuple[str, str]],
        at: datetime,
    ) -> ModelTerms:
        """What holds for a model, known by these pairs of provider and model.

        The pairs are ordered, too, from the one that matters least: what the catalogue calls the
        model, to the one that matters most: what the gateway calls it.
        """
        terms = ModelTerms()
        if not self._rules:
            return terms
        for scope in _model_scopes(organization_id, tuple(names)):
            rule = self.rule(scope, at)
            if rule is not None:
                terms = _replaced(terms, rule)
        return terms

    def trace_terms(self, *, organization_id: str, at: datetime, default: TraceTerms) -> TraceTerms:
        """What holds for the organization's traces, beginning with the configured terms."""
        terms = default
        for scope in (Scope(), Scope(organization_id=organization_id)):
            rule = self.rule(scope, at)
            if rule is None or (rule.monthly_traces, rule.thousand_traces_nanos) == (None, None):
                continue
            terms = TraceTerms(
                monthly_traces=_first(rule.monthly_traces, terms.monthly_traces),
                thousand_nanos=_first(rule.thousand_traces_nanos, terms.thousand_nanos),
                version=f"own v{rule.version}",
            )
        return terms


def _is_mark_up(percent: Decimal) -> bool:
    return (
        percent.is_finite()
        and MIN_MARK_UP_PERCENT <= percent <= MAX_MARK_UP_PERCENT
        and percent == round(percent, MARK_UP_DECIMALS)
    )


def _precedence(rule: PriceRule) -> tuple[datetime, int]:
    return rule.effective_from, rule.version


def _first(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def _model_scopes(
    organization_id: str | None, names: tuple[tuple[str, str], ...]
) -> Iterator[Scope]:
    """Every scope that a call is in, the most special last."""
    for organization in (None,) if organization_id is None else (None, organization_id):
        yield Scope(organization_id=organization)
        for provider in dict.fromkeys(provider for provider, _ in names):
            yield Scope(organization_id=organization, provider=provider)
        for provider, model in dict.fromkeys(names):
            yield Scope(organization_id=organization, provider=provider, model=model)


def _replaced(terms: ModelTerms, rule: PriceRule) -> ModelTerms:
    if rule.prices is not None:
        terms = ModelTerms(prices=rule.prices, prices_version=rule.version, blocked=terms.blocked)
    if rule.mark_up_percent is not None:
        terms = replace(terms, mark_up_percent=rule.mark_up_percent, mark_up_version=rule.version)
    return terms if rule.blocked is None else replace(terms, blocked=rule.blocked)
