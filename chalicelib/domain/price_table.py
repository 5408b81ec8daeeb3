"""What each unit of usage costs, and what counted usage costs at such prices, exactly.

Amounts are `Decimal` dollars and never rounded here: prices are quoted for powers of ten, so every
quotient ends, and 60 digits hold every product; one that they didn't hold would raise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from functools import lru_cache
from itertools import accumulate

from chalicelib.domain.units import CALLS, UNITS, Unit
from chalicelib.domain.usage import ModelUsage

_EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])

#: What is several units at once has a name only where it can be: no input is output.
_NAMES = {unit.dimensions: unit.name for unit in UNITS.values()}


class UncountableUsageError(ValueError):
    """The usage doesn't say enough, or contradicts itself, at these prices."""


class UncoveredUsageError(ValueError):
    """The usage counts something that these prices don't cover."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTier:
    """The price of calls with more input than `above_input_tokens`; it holds for all of a call."""

    above_input_tokens: int
    usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPrice:
    """Dollars for `unit.per` of a unit; of the tiers, in rising order, the last reached counts."""

    unit: Unit
    usd: Decimal
    tiers: tuple[PriceTier, ...] = ()

    def __post_init__(self) -> None:
        starts = [tier.above_input_tokens for tier in self.tiers]
        if starts != sorted(set(starts)):
            raise ValueError("tiers must rise")
        for usd in (self.usd, *(tier.usd for tier in self.tiers)):
            if not usd.is_finite() or usd < 0:
                raise ValueError("a price is zero or more")

    def applying_to(self, usage: ModelUsage) -> Decimal:
        """The price at the average input of the usage's calls.

        The average is above a threshold exactly when the calls are, if they are all on one side.
        """
        usd = self.usd
        for tier in self.tiers:
            if usage.input_tokens <= tier.above_input_tokens * usage.calls:
                break
            usd = tier.usd
        return usd

    def times(self, factor: Decimal) -> UnitPrice:
        """The price multiplied, exactly."""
        with localcontext(_EXACT):
            return UnitPrice(
                unit=self.unit,
                usd=self.usd * factor,
                tiers=tuple(
                    PriceTier(above_input_tokens=tier.above_input_tokens, usd=tier.usd * factor)
                    for tier in self.tiers
                ),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable:
    """The prices of one model. What is a part of a priced unit, and has no own price, costs that.

    Two priced units that overlap, such as cached and audio input, need a price for what is both:
    which of the two would apply to it is not for us to guess.
    """

    prices: tuple[UnitPrice, ...]

    def __post_init__(self) -> None:
        fault = next(_gaps(tuple(price.unit for price in self.prices)), None)
        if fault is not None:
            raise ValueError(fault)

    def times(self, factor: Decimal) -> PriceTable:
        """All prices multiplied, exactly."""
        return PriceTable(prices=tuple(price.times(factor) for price in self.prices))


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What the units of one kind cost, those of it that have a price of their own left out."""

    unit: Unit
    count: int
    usd: Decimal


def charges(table: PriceTable, usage: ModelUsage) -> tuple[Charge, ...]:
    """What each kind of unit costs, in the order of the table; their sum is the price, unrounded.

    Raises:
        UncoveredUsageError: if something was counted that no price covers.
        UncountableUsageError: if the counts contradict each other, or one is missing that only
            the gateway can know.
    """
    units = tuple(price.unit for price in table.prices)
    _check_covered(units, usage)
    alone: dict[Unit, int] = {}
    for unit, parts in _from_parts_to_wholes(units):
        count = usage.calls if unit is CALLS else usage.units.get(unit.name)
        if count is None:
            _check_absent(unit, usage)
            count = 0
        alone[unit] = count - sum(alone[part] for part in parts)
        if alone[unit] < 0:
            names = ", ".join(part.name for part in parts)
            raise UncountableUsageError(f"{unit.name} is less than its parts, {names}")
    with localcontext(_EXACT):
        return tuple(
            Charge(
                unit=price.unit,
                count=alone[price.unit],
                usd=price.applying_to(usage) * alone[price.unit] / price.unit.per,
            )
            for price in table.prices
            if alone[price.unit]
        )


def running_totals_usd(parts: tuple[Charge, ...]) -> tuple[Decimal, ...]:
    """What the first charge comes to, the first two, and so on to all of them, exactly."""
    with localcontext(_EXACT):
        return tuple(accumulate(part.usd for part in parts))


def _check_covered(units: tuple[Unit, ...], usage: ModelUsage) -> None:
    if not usage.units and CALLS not in units:
        raise UncoveredUsageError("nothing was counted that has a price")
    for name, count in usage.units.items():
        if count and not _is_covered(units, name):
            raise UncoveredUsageError(f"{name} have no price")


@lru_cache(maxsize=4096)  # a few thousand pairs exist: tables differ little in what they price
def _is_covered(units: tuple[Unit, ...], name: str) -> bool:
    return any(unit.includes(UNITS[name]) for unit in units)


def _check_absent(unit: Unit, usage: ModelUsage) -> None:
    """An absent count is zero, unless other counts say that it needn't be."""
    counted = [UNITS[name] for name, count in usage.units.items() if count]
    for index, one in enumerate(counted):
        if unit.includes(one):
            raise UncountableUsageError(f"{unit.name} must be counted, being more than {one.name}")
        for other in counted[index + 1 :]:
            if one.dimensions | other.dimensions == unit.dimensions:
                raise UncountableUsageError(
                    f"{unit.name} must be counted, being in both {one.name} and {other.name}"
                )


@lru_cache(maxsize=1024)  # the catalogue has some dozens of combinations
def _from_parts_to_wholes(units: tuple[Unit, ...]) -> tuple[tuple[Unit, tuple[Unit, ...]], ...]:
    """Each unit with those of the others that are parts of it, the most special first."""
    return tuple(
        (unit, tuple(part for part in units if part is not unit and unit.includes(part)))
        for unit in sorted(units, key=lambda unit: -len(unit.dimensions))
    )


def _gaps(units: tuple[Unit, ...]) -> Iterator[str]:
    """What keeps a set of priced units from being a price list without gaps and overlaps."""
    if not units:
        yield "a price list needs a price"
    if len(set(units)) != len(units):
        yield "a unit has two prices"
    priced = {unit.dimensions for unit in units}
    for unit in units:
        for whole in UNITS.values():
            if whole.includes(unit) and whole.dimensions not in priced:
                yield f"{whole.name} must have a price, since {unit.name} has one"
        for other in units:
            overlap = _NAMES.get(unit.dimensions | other.dimensions)
            if overlap and unit.dimensions | other.dimensions not in priced:
                yield f"{overlap} must have a price, since {unit.name} and {other.name} have one"
