"""What usage costs, line by line; a line of calls is rounded up to the nano-dollar by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from chalicelib.domain.errors import ValidationFailedError
from chalicelib.domain.money import MAX_NANOS, round_up_to_nanos
from chalicelib.domain.price_rules import PriceBook, TraceTerms
from chalicelib.domain.price_table import (
    UncountableUsageError,
    UncoveredUsageError,
    charges,
    running_totals_usd,
)
from chalicelib.domain.quoting import (
    BlockedModelError,
    FindPrice,
    PricingError,
    QuotedPrice,
    UnpricedModelError,
    described,
    quote,
)
from chalicelib.domain.traces import charge_traces
from chalicelib.domain.usage import AmountUsage, ModelUsage, TraceUsage, UsageLine


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedPart:
    """What the units of one kind cost, those of it that have a price of their own left out."""

    unit: str
    count: int
    amount_nanos: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedModel:
    """Calls of a model with their price, which is the sum of its parts."""

    usage: ModelUsage
    amount_nanos: int
    price_version: str
    parts: tuple[PricedPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedTraces:
    """Traces with their price; `billable` of them were beyond the month's allowance."""

    count: int
    billable: int
    amount_nanos: int
    price_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedAmount:
    """Usage that came with its price; no mark-up is put on it."""

    amount_nanos: int
    description: str


PricedLine = PricedModel | PricedTraces | PricedAmount


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedUsage:
    """All lines with their prices; they used `traces` of the month's allowance."""

    lines: tuple[PricedLine, ...]
    amount_nanos: int
    traces: int
    trace_terms: TraceTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """All that prices come from: the catalogue, the operator's book, and the configured terms."""

    find_price: FindPrice
    book: PriceBook
    trace_terms: TraceTerms


def price_lines(
    lines: Sequence[UsageLine],
    *,
    tariff: Tariff,
    organization_id: str,
    at: datetime,
    traces_before: int,
    path: str = "lines",
) -> PricedUsage:
    """Price all lines of one organization at one time, or none of them.

    `traces_before` is how many traces the organization had so far in the month of `at`.

    Raises:
        PricingError: with the path of the first line that can't be priced, such as `lines[2]`.
        ValidationFailedError: if together they cost more than an account may ever hold.
    """
    quotes = _Quotes(tariff=tariff, organization_id=organization_id, at=at)
    terms = tariff.book.trace_terms(
        organization_id=organization_id, at=at, default=tariff.trace_terms
    )
    priced = tuple(_priced(lines, quotes, terms, traces_before=traces_before, path=path))
    amount_nanos = sum(line.amount_nanos for line in priced)
    if amount_nanos > MAX_NANOS:
        raise ValidationFailedError.of(path, "cost more than an account may hold")
    return PricedUsage(
        lines=priced,
        amount_nanos=amount_nanos,
        traces=sum(line.count for line in lines if isinstance(line, TraceUsage)),
        trace_terms=terms,
    )


def price_traces_after(usage: PricedUsage, *, traces_before: int) -> PricedUsage:
    """The same usage in a month that had another count of traces before; nothing else changes."""
    lines: list[PricedLine] = []
    for line in usage.lines:
        if isinstance(line, PricedTraces):
            counted = TraceUsage(count=line.count)
            lines.append(_price_traces(counted, usage.trace_terms, used_before=traces_before))
            traces_before += line.count
        else:
            lines.append(line)
    amount_nanos = sum(line.amount_nanos for line in lines)
    return replace(usage, lines=tuple(lines), amount_nanos=amount_nanos)


def price_model(usage: ModelUsage, quoted: QuotedPrice) -> PricedModel:
    """Price calls by their quote: rounded up as a whole, a share of the rounding in each part.

    Raises:
        PricingError: if the model is blocked, or the counts don't fit the prices.
    """
    if quoted.blocked:
        raise BlockedModelError(f"{described(usage)} is not for sale")
    try:
        parts = charges(quoted.table, usage)
    except UncoveredUsageError as error:
        raise UnpricedModelError(f"{described(usage)}: {error}") from error
    except UncountableUsageError as error:
        raise PricingError(f"{described(usage)}: {error}") from error
    totals = [0, *map(round_up_to_nanos, running_totals_usd(parts))]
    return PricedModel(
        usage=usage,
        amount_nanos=totals[-1],
        price_version=quoted.version,
        parts=tuple(
            PricedPart(unit=part.unit.name, count=part.count, amount_nanos=after - before)
            for part, (before, after) in zip(parts, pairwise(totals), strict=True)
        ),
    )


class _Quotes:
    """The quotes of one organization at one time, each asked for once."""

    def __init__(self, *, tariff: Tariff, organization_id: str, at: datetime) -> None:
        self._tariff = tariff
        self._organization_id = organization_id
        self._at = at
        self._quotes: dict[tuple[object, ...], QuotedPrice] = {}

    def of(self, usage: ModelUsage) -> QuotedPrice:
        key = usage.provider, usage.model, usage.price_context
        quoted = self._quotes.get(key)
        if quoted is None:
            quoted = self._quotes[key] = quote(
                usage,
                organization_id=self._organization_id,
                at=self._at,
                find_price=self._tariff.find_price,
                book=self._tariff.book,
            )
        return quoted


def _priced(
    lines: Sequence[UsageLine],
    quotes: _Quotes,
    terms: TraceTerms,
    *,
    traces_before: int,
    path: str,
) -> Iterator[PricedLine]:
    for number, line in enumerate(lines):
        if isinstance(line, ModelUsage):
            try:
                yield price_model(line, quotes.of(line))
            except PricingError as error:
                raise type(error).of(f"{path}[{number}]", error.detail) from error
        elif isinstance(line, TraceUsage):
            yield _price_traces(line, terms, used_before=traces_before)
            traces_before += line.count
        else:
            yield _price_amount(line)


def _price_traces(line: TraceUsage, terms: TraceTerms, *, used_before: int) -> PricedTraces:
    charge = charge_traces(used_before=used_before, count=line.count, terms=terms)
    return PricedTraces(
        count=line.count,
        billable=charge.billable,
        amount_nanos=charge.amount_nanos,
        price_version=terms.version,
    )


def _price_amount(line: AmountUsage) -> PricedAmount:
    return PricedAmount(amount_nanos=line.amount_nanos, description=line.description)
