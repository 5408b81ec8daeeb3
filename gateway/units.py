"""The units that the credits service can read, and which of them are parts of which.

What it can't read it sets aside whole, with every other call of the same report. So the client
checks each call before it enters a report. A unit is a part of another when it says more: cached
audio input is a part of cached input, of audio input, and of all input.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from types import MappingProxyType

_MODALITIES = ("", "text", "audio", "image", "video")
_Dimensions = frozenset[tuple[str, str]]


def _token_units() -> Iterator[tuple[str, _Dimensions]]:
    for modality in _MODALITIES:
        infix = f"_{modality}" if modality else ""
        kinds = {("modality", modality)} if modality else set()
        input_kinds = frozenset({("direction", "input"), *kinds})
        output_kinds = frozenset({("direction", "output"), *kinds})
        yield f"input{infix}_tokens", input_kinds
        yield f"output{infix}_tokens", output_kinds
        for use in ("read", "write"):
            yield f"cache{infix}_{use}_tokens", input_kinds | {("use", use)}
        for life in ("5m", "1h"):
            lasting = input_kinds | {("use", "write"), ("life", life)}
            yield f"cache{infix}_write_{life}_tokens", lasting
        yield f"input{infix}_tool_tokens", input_kinds | {("use", "tool")}
        for use in ("reasoning", "citation"):
            yield f"output{infix}_{use}_tokens", output_kinds | {("use", use)}


def _other_units() -> Iterator[tuple[str, _Dimensions]]:
    for name in (
        "input_characters",
        "input_text_messages",
        "input_pixels",
        "input_document_pages",
        "rerank_searches",
        "web_searches",
        "social_searches",
        "storage_searches",
        "code_executions",
    ):
        yield name, frozenset({("only", name)})
    pages = {("only", "input_document_pages"), ("type", "annotated")}
    yield "input_annotated_document_pages", frozenset(pages)


def _wholes() -> dict[str, tuple[str, ...]]:
    units = dict((*_token_units(), *_other_units()))
    found: dict[str, tuple[str, ...]] = dict.fromkeys(units, ())
    for whole, part in product(units, units):
        if units[whole] < units[part]:
            found[part] = (*found[part], whole)
    return found


#: Every unit by name, with those that include it: what counts it must count these, too.
WHOLES: Mapping[str, tuple[str, ...]] = MappingProxyType(_wholes())


def fault_of(units: Mapping[str, int]) -> str | None:
    """What keeps counts from being true, if anything: a whole that is less than its parts."""
    for name, count in units.items():
        if name not in WHOLES:
            return f"{name} is not a unit"
        if count:
            missing = next((whole for whole in WHOLES[name] if not units.get(whole)), None)
            if missing:
                return f"{missing} must be counted, too, since {name} is a part of it"
    counted = [name for name, count in units.items() if count]
    alone: dict[str, int] = {}
    for name in sorted(counted, key=lambda name: -len(WHOLES[name])):
        parts = (part for part in alone if name in WHOLES[part])
        alone[name] = units[name] - sum(alone[part] for part in parts)
        if alone[name] < 0:
            return f"{name} is less than its parts"
    return None
