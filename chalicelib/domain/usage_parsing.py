"""Usage reports read from JSON: everything that is not exactly a report is refused, with reasons.

A report is money. What can't be understood is not dropped, rounded or defaulted but refused whole,
so that it can be looked at, put right, and sent again.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from chalicelib.domain.fields import Faults, Fields
from chalicelib.domain.units import UNITS, WHOLES
from chalicelib.domain.usage import AmountUsage, ModelUsage, TraceUsage, UsageLine, UsageReport

#: More lines than fit into what a queue message may carry, at the shortest lines that are sent.
MAX_LINES = 1_000

#: A trillion of a unit in one line: a thousand lines of it at a thousand dollars per million are
#: as much as an account may hold.
MAX_COUNT = 10**12

#: Clocks of gateways may be this much ahead of ours.
_CLOCK_SKEW = timedelta(minutes=5)

#: No model of the catalogue was sold before; what is older has lost its clock.
_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)

ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_REPORT_ID = re.compile(r"[!-~]{1,128}")
HOLD_ID = re.compile(r"hold_[A-Za-z0-9_-]{1,64}")
PROVIDER = re.compile(r"[!-~]{1,64}")
MODEL = re.compile(r"[!-~]{1,200}")
_DESCRIPTION = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{0,200}")
CONTEXT_NAME = re.compile(r"[a-z0-9_]{1,32}")
CONTEXT_VALUE = re.compile(r"[!-~]{1,64}")
_MAX_CONTEXT = 8

_MODEL_FIELDS = frozenset({"kind", "provider", "model"})
_MODEL_OPTIONAL = frozenset({"calls", "price_context", *UNITS})


def parse_report(payload: object, *, now: datetime) -> UsageReport:
    """Read a usage report, version 1 of the contract, from its decoded JSON.

    Raises:
        InvalidRequestError: with a fault per field, if the report is malformed.
        ValidationFailedError: with a fault per field, such as `lines[2].input_tokens`.
    """
    faults = Faults()
    fields = Fields(
        payload,
        path="",
        faults=faults,
        required=frozenset({"version", "report_id", "organization_id", "occurred_at", "lines"}),
        optional=frozenset({"project_id", "hold_id", "final"}),
    )
    report = UsageReport(
        version=fields.whole("version", least=1, most=1),
        report_id=fields.text("report_id", _REPORT_ID, "must be 1 to 128 printable characters"),
        organization_id=fields.text("organization_id", ID, "must be 1 to 64 of A-Z a-z 0-9 _ -"),
        project_id=fields.text_or_null("project_id", ID, "must be 1 to 64 of A-Z a-z 0-9 _ -"),
        hold_id=fields.text_or_null("hold_id", HOLD_ID, "must be the id of a hold, or null"),
        final=fields.flag("final"),
        occurred_at=fields.instant("occurred_at", earliest=_EARLIEST, latest=now + _CLOCK_SKEW),
        lines=_lines(fields.get("lines"), path="lines", faults=faults) if "lines" in fields else (),
    )
    faults.raise_any()
    return report


def parse_lines(payload: object, *, path: str) -> tuple[UsageLine, ...]:
    """Read the lines of usage alone, as requests over HTTP carry them.

    Raises:
        InvalidRequestError: with a fault per field, if the lines are malformed.
        ValidationFailedError: with a fault per field, whose names begin with `path`.
    """
    faults = Faults()
    lines = _lines(payload, path=path, faults=faults)
    faults.raise_any()
    return lines


def _lines(payload: object, *, path: str, faults: Faults) -> tuple[UsageLine, ...]:
    if not isinstance(payload, list) or not 1 <= len(payload) <= MAX_LINES:
        detail = f"must be a list of 1 to {MAX_LINES} lines"
        faults.add(path, detail, malformed=not isinstance(payload, list))
        return ()
    return tuple(
        _line(line, path=f"{path}[{number}]", faults=faults) for number, line in enumerate(payload)
    )


def _line(payload: object, *, path: str, faults: Faults) -> UsageLine:
    kind = payload.get("kind") if isinstance(payload, dict) else None
    if kind == "model":
        return _model_line(payload, path=path, faults=faults)
    if kind == "traces":
        names = frozenset({"kind", "count"})
        fields = Fields(payload, path=path, faults=faults, required=names)
        return TraceUsage(count=fields.whole("count", least=0, most=MAX_COUNT))
    if kind == "amount":
        names = frozenset({"kind", "amount"})
        optional = frozenset({"description"})
        fields = Fields(payload, path=path, faults=faults, required=names, optional=optional)
        return AmountUsage(
            amount_nanos=fields.usd("amount"),
            description=fields.text(
                "description", _DESCRIPTION, "must be at most 200 characters of plain text"
            ),
        )
    if isinstance(payload, dict):
        faults.add(f"{path}.kind", 'must be "model", "traces" or "amount"')
    else:
        faults.add(path, "must be an object", malformed=True)
    return AmountUsage(amount_nanos=0)


def _model_line(payload: object, *, path: str, faults: Faults) -> ModelUsage:
    fields = Fields(
        payload, path=path, faults=faults, required=_MODEL_FIELDS, optional=_MODEL_OPTIONAL
    )
    units = {name: fields.whole(name, least=0, most=MAX_COUNT) for name in UNITS if name in fields}
    _check_parts(units, fields)
    return ModelUsage(
        provider=fields.text("provider", PROVIDER, "must be 1 to 64 printable characters"),
        model=fields.text("model", MODEL, "must be 1 to 200 printable characters"),
        calls=fields.whole("calls", least=1, most=MAX_COUNT),
        units=units,
        price_context=_price_context(fields, faults=faults),
    )


def _price_context(fields: Fields, *, faults: Faults) -> tuple[tuple[str, str], ...]:
    value = fields.get("price_context")
    if value is None:
        return ()
    if (
        not isinstance(value, dict)
        or len(value) > _MAX_CONTEXT
        or not all(isinstance(word, str) for pair in value.items() for word in pair)
        or not all(CONTEXT_NAME.fullmatch(name) for name in value)
        or not all(CONTEXT_VALUE.fullmatch(word) for word in value.values())
    ):
        faults.add(
            fields.path("price_context"),
            f"must be an object of at most {_MAX_CONTEXT} short texts",
        )
        return ()
    return tuple(sorted(value.items()))


def _check_parts(units: dict[str, int], fields: Fields) -> None:
    """Fault counts that can't be true: a whole that is missing, or less than its parts."""
    counted = sorted(
        (UNITS[name] for name, count in units.items() if count),
        key=lambda unit: -len(unit.dimensions),
    )
    alone: dict[str, int] = {}
    for unit in counted:
        parts = [part.name for part in counted if part is not unit and unit.includes(part)]
        alone[unit.name] = units[unit.name] - sum(alone[part] for part in parts)
        if alone[unit.name] < 0:
            fields.fault(unit.name, f"is less than its parts, {', '.join(sorted(parts))}")
        for whole in WHOLES[unit.name]:
            if not units.get(whole):
                fields.fault(whole, f"must be counted, too, since {unit.name} is a part of it")
