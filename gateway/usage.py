"""What a call used, checked when it is said, since a report is taken whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from gateway.units import fault_of

#: The most of a unit that one call may count: the service's own limit for a line is a trillion.
MAX_COUNT = 10**9
#: A million dollars in one line: the service's limit for a whole report is a million of these.
MAX_NANOS = 10**15

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PROVIDER = re.compile(r"[!-~]{1,64}")
_MODEL = re.compile(r"[!-~]{1,200}")
_DESCRIPTION = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{0,200}")
_CONTEXT_NAME = re.compile(r"[a-z0-9_]{1,32}")
_CONTEXT_VALUE = re.compile(r"[!-~]{1,64}")
_MAX_CONTEXT = 8
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """One call of a model: `units` counts what it used, by the service's names of units.

    `input_tokens` are all tokens of the input, the cached ones among them. `price_context` is what
    else the price depends on, such as {"processing": "batch"}.

    Raises:
        ValueError: if the service could not read it.
    """

    provider: str
    model: str
    units: Mapping[str, int]
    price_context: Mapping[str, str] = field(default_factory=lambda: _NOTHING)

    def __post_init__(self) -> None:
        _require(_PROVIDER.fullmatch(self.provider), "provider: 1 to 64 printable characters")
        _require(_MODEL.fullmatch(self.model), "model: 1 to 200 printable characters")
        for name, count in self.units.items():
            _require_count(name, count, most=MAX_COUNT)
        fault = fault_of(self.units)
        _require(fault is None, fault or "")
        _require(
            len(self.price_context) <= _MAX_CONTEXT
            and all(map(_CONTEXT_NAME.fullmatch, self.price_context))
            and all(map(_CONTEXT_VALUE.fullmatch, self.price_context.values())),
            f"price_context: at most {_MAX_CONTEXT} short words",
        )

    @property
    def input_tokens(self) -> int:
        """All input of the call, which tiers of its price depend on."""
        return self.units.get("input_tokens", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """Traces that were kept."""

    count: int

    def __post_init__(self) -> None:
        _require_count("count", self.count, most=MAX_COUNT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """Usage that the gateway has priced by itself; amounts of one description are added up."""

    amount_nanos: int
    description: str = ""

    def __post_init__(self) -> None:
        _require_count("amount_nanos", self.amount_nanos, most=MAX_NANOS)
        _require(
            _DESCRIPTION.fullmatch(self.description),
            "description: at most 200 characters of plain text",
        )


Usage = ModelCall | Traces | Amount


def encode(usage: Usage) -> dict[str, object]:
    """Usage as JSON, for the journal."""
    if isinstance(usage, ModelCall):
        names = {"provider": usage.provider, "model": usage.model}
        return {**names, "units": dict(usage.units), "price_context": dict(usage.price_context)}
    if isinstance(usage, Traces):
        return {"count": usage.count}
    return {"amount_nanos": usage.amount_nanos, "description": usage.description}


def decode(data: Mapping[str, Any]) -> Usage:
    """Usage from the JSON that `encode` made."""
    if "model" in data:
        return ModelCall(**data)
    return Traces(**data) if "count" in data else Amount(**data)


def check_id(name: str, value: str) -> None:
    """Check the id of an organization or a project.

    Raises:
        ValueError: if the service would refuse it.
    """
    _require(_NAME.fullmatch(value), f"{name}: 1 to 64 of A-Z a-z 0-9 _ -")


def _require_count(name: str, count: object, *, most: int) -> None:
    good = isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= most
    _require(good, f"{name}: a whole number from 0 to {most}")


def _require(condition: object, fault: str) -> None:
    if not condition:
        raise ValueError(fault)
