"""Usage entries for tests, by example and by chance, with breakdowns as pricing makes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from hypothesis import strategies as st

from chalicelib.domain.breakdown import compact_breakdown
from chalicelib.domain.ledger import Entry, EntryKind
from chalicelib.domain.pricing import (
    PricedAmount,
    PricedLine,
    PricedModel,
    PricedPart,
    PricedTraces,
)
from chalicelib.domain.usage import ModelUsage
from chalicelib.domain.usage_day import AccountChange, HistoryWrite

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
_serial = count(1)


def model_line(
    model: str = "large",
    *,
    provider: str = "lab",
    calls: int = 1,
    version: str = "list 1",
    **parts: tuple[int, int],
) -> PricedModel:
    """Calls of a model; each part is a unit with its count and its nano-dollars."""
    return PricedModel(
        usage=ModelUsage(provider=provider, model=model, units={}, calls=calls),
        amount_nanos=sum(nanos for _, nanos in parts.values()),
        price_version=version,
        parts=tuple(
            PricedPart(unit=unit, count=count, amount_nanos=nanos)
            for unit, (count, nanos) in parts.items()
        ),
    )


def usage_entry(
    *lines: PricedLine,
    project_id: str | None = None,
    at: datetime = NOON,
    kind: EntryKind = EntryKind.USAGE,
    max_bytes: int = 700,
    held_nanos: int = 0,
) -> Entry:
    """An entry that takes what the lines cost."""
    serial = next(_serial)
    return Entry(
        id=f"ent_{serial:028x}",
        organization_id="acme",
        key=f"report#{serial}",
        kind=kind,
        amount_nanos=-sum(line.amount_nanos for line in lines),
        held_nanos=held_nanos,
        recorded_at=at,
        digest=str(serial),
        project_id=project_id,
        details=compact_breakdown(lines, max_bytes=max_bytes),
    )


def bare_entry(kind: EntryKind, nanos: int, *, held_nanos: int = 0, at: datetime = NOON) -> Entry:
    """An entry without a breakdown."""
    serial = next(_serial)
    return Entry(
        id=f"ent_{serial:028x}",
        organization_id="acme",
        key=f"fact#{serial}",
        kind=kind,
        amount_nanos=nanos,
        held_nanos=held_nanos,
        recorded_at=at,
        digest=str(serial),
    )


def numbered(*writes: tuple[Entry, ...]) -> list[HistoryWrite]:
    """The writes with their numbers and the balances that they leave, as an account gets them."""
    available = held = 0
    found = []
    for number, entries in enumerate(writes, start=1):
        available += sum(entry.available_nanos for entry in entries)
        held += sum(entry.held_nanos for entry in entries)
        change = AccountChange(
            organization_id="acme",
            number=number,
            first_key=entries[0].key,
            available_nanos=available,
            held_nanos=held,
        )
        found.append(HistoryWrite(change=change, entries=entries))
    return found


_nanos = st.integers(0, 10**15)
_counts = st.integers(0, 10**9)
_models = st.builds(
    model_line,
    model=st.sampled_from(["large", "small", "meta/llama:70b"]),
    provider=st.sampled_from(["lab", "works"]),
    calls=st.integers(1, 1000),
    version=st.sampled_from(["list 1", "list 1, mark-up v5", "own v7"]),
    input_tokens=st.tuples(_counts, _nanos),
    output_tokens=st.tuples(_counts, _nanos),
)
_amounts = st.builds(
    PricedAmount, amount_nanos=_nanos, description=st.sampled_from(["", "web search", "=1+1"])
)
_traces = st.builds(
    PricedTraces,
    count=_counts,
    billable=st.just(0),
    amount_nanos=_nanos,
    price_version=st.just("configuration"),
)
_times = st.sampled_from(
    [NOON - timedelta(days=1), NOON, NOON.replace(hour=23, minute=59), NOON + timedelta(hours=12)]
)
_usage = st.builds(
    lambda lines, project_id, at, kind, max_bytes, held: usage_entry(
        *lines, project_id=project_id, at=at, kind=kind, max_bytes=max_bytes, held_nanos=held
    ),
    st.lists(_models | _amounts | _traces, min_size=0, max_size=6),
    st.none() | st.sampled_from(["search", "chat"]),
    _times,
    st.sampled_from([EntryKind.USAGE, EntryKind.DEDUCTION, EntryKind.SETTLEMENT]),
    # The least leaves no room for names: all is "others" then.
    st.sampled_from([700, 200, 110]),
    st.integers(-(10**12), 0),
)
_others = st.builds(
    bare_entry,
    st.sampled_from([kind for kind in EntryKind if kind is not EntryKind.REFUSAL]),
    st.integers(-(10**15), 10**15),
    held_nanos=st.integers(-(10**12), 10**12),
    at=_times,
)

#: Writes of one account, each of entries with one time, as the use cases make them.
writes = st.lists(
    st.lists(_usage | _others, min_size=1, max_size=4).map(tuple), min_size=1, max_size=12
).map(lambda found: numbered(*found))
