"""The units that usage is counted and priced in, and which units are parts of which.

They are those of the price catalogue (genai-prices), but for durations, which need fractions and
a minimum per request. A unit is a part of another when it says more: cached audio input is a part
of cached input, of audio input and of all input, and a report counts it in each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A thing that is counted; a price in dollars is quoted for `per` of it, a power of ten."""

    name: str
    per: int
    dimensions: frozenset[tuple[str, str]]

    def __hash__(self) -> int:
        """By the name alone: units are looked up several times per line of usage."""
        return hash(self.name)

    def includes(self, other: Unit) -> bool:
        """Whether what is counted as `other` is counted as this unit, too."""
        return self.dimensions <= other.dimensions


def _unit(name: str, per: int, **dimensions: str) -> Unit:
    return Unit(name=name, per=per, dimensions=frozenset(dimensions.items()))


def _tokens(name: str, direction: str, modality: str, **more: str) -> Unit:
    if modality:
        more["modality"] = modality
    return _unit(f"{name}_tokens", _MILLION, family="tokens", direction=direction, **more)


def _token_units() -> Iterator[Unit]:
    modalities = ("", "text", "audio", "image", "video")
    for direction, modality in product(("input", "output"), modalities):
        yield _tokens("_".join(filter(None, (direction, modality))), direction, modality)
    for modality in modalities:
        infix = f"_{modality}" if modality else ""
        yield _tokens(f"cache{infix}_read", "input", modality, use="cache_read")
        yield _tokens(f"cache{infix}_write", "input", modality, use="cache_write")
        for ttl in ("5m", "1h"):
            name = f"cache{infix}_write_{ttl}"
            yield _tokens(name, "input", modality, use="cache_write", cache_ttl=ttl)
        yield _tokens(f"input{infix}_tool", "input", modality, use="tool")
        for kind in ("reasoning", "citation"):
            yield _tokens(f"output{infix}_{kind}", "output", modality, use=kind)


def _other_units() -> Iterator[Unit]:
    yield _unit("input_characters", _MILLION, family="characters", direction="input")
    yield _unit("input_text_messages", 1000, family="messages", direction="input", modality="text")
    yield _unit("input_pixels", 1000 * _MILLION, family="pixels", direction="input")
    pages = {"family": "document_pages", "direction": "input"}
    yield _unit("input_document_pages", 1000, **pages)
    yield _unit("input_annotated_document_pages", 1000, **pages, page_type="annotated")
    yield _unit("rerank_searches", 1000, family="rerank")
    yield _unit("web_searches", 1000, family="tool_calls", tool_type="web_search")
    yield _unit("social_searches", 1000, family="tool_calls", tool_type="social_search")
    yield _unit("storage_searches", 1000, family="tool_calls", tool_type="storage_search")
    yield _unit("code_executions", 1000, family="tool_calls", tool_type="code_execution")


#: The calls of a line, which a price may count as well; a report says them apart from its units.
CALLS = _unit("calls", 1, family="requests")

#: What a report may count, by name.
UNITS: Mapping[str, Unit] = MappingProxyType(
    {unit.name: unit for unit in (*_token_units(), *_other_units())}
)

#: The units that include each unit, by name: a report that counts it must count these, too.
WHOLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        part.name: tuple(
            whole.name for whole in UNITS.values() if whole is not part and whole.includes(part)
        )
        for part in UNITS.values()
    }
)
