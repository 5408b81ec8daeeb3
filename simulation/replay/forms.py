"""Answers in a form in which two services can be compared, and what is left out of it, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any

from botocore.exceptions import ClientError

Form = Any
#: Of an answer: how it came, and what nobody in the product reads and memory doesn't count.
_LEFT_OUT = frozenset({"ResponseMetadata", "ConsumedCapacity"})
#: Of an object: when it was stored is by another clock, a version's name is the service's choice,
#: and what S3 says of encryption, checksums and ranges isn't simulated.
_OF_OBJECTS = ("ContentLength", "ContentType", "ETag", "IsTruncated", "KeyCount", "Metadata")

#: Of a table: how it is made. Its addresses and figures are each service's own.
_OF_TABLES = ("AttributeDefinitions", "KeySchema", "StreamSpecification", "TableName")


def form_of_answer(
    operation: str, answer: Mapping[str, Any], *, sorted_by: str | None = None
) -> Form:
    """What DynamoDB answered. Nothing promises an order of a batch's or a Scan's items.

    Nor one among items of an index that have the same value of what it is `sorted_by`.
    """
    kept = {name: canonical(value) for name, value in answer.items() if name not in _LEFT_OUT}
    if operation == "BatchGetItem":
        kept["Responses"] = {
            table: _in_any_order(items)
            for table, items in kept.get("Responses", {}).items()
            if items
        }
    if operation == "DescribeTable":
        return {name: kept["Table"].get(name) for name in _OF_TABLES}
    if operation == "Scan" and "Items" in kept:
        kept["Items"] = _in_any_order(kept["Items"])
    if sorted_by is not None and "Items" in kept:
        kept["Items"] = [
            item
            for _, equal in groupby(enumerate(kept["Items"]), _place(sorted_by))
            for item in _in_any_order([item for _, item in equal])
        ]
    return kept


def form_of_object(answer: Mapping[str, Any], content: bytes | None) -> Form:
    """What S3 answered, with the content where it was asked for."""
    kept = {name: answer[name] for name in _OF_OBJECTS if name in answer}
    listed = [{name: each[name] for name in ("Key", "ETag", "Size")} for each in _contents(answer)]
    return {**kept, "content": content, "listed": listed}


def form_of_refusal(error: ClientError) -> Form:
    """How a call was refused: by code, reasons and the items beside them. Words are free."""
    answer: Mapping[str, Any] = error.response
    return {
        "refused": answer["Error"]["Code"],
        "status": answer["ResponseMetadata"]["HTTPStatusCode"],
        "Item": canonical(answer.get("Item")),
        "reasons": [
            {"Code": each["Code"], "Item": canonical(each.get("Item"))}
            for each in answer.get("CancellationReasons", ())
        ],
    }


def codes_of(form: Form) -> str:
    """Why a call was refused, in short; empty if it wasn't."""
    if "refused" not in form:
        return ""
    return ", ".join(
        sorted({each["Code"] for each in form["reasons"]} - {"None"}) or [form["refused"]]
    )


def canonical(value: Any) -> Any:
    """A value with its maps and sets in order. Numbers are as they were written."""
    match value:
        case {"SS": list() as members} | {"NS": list() as members} | {"BS": list() as members}:
            return {name: sorted(members) for name in value}
        case Mapping():
            return {name: canonical(part) for name, part in sorted(value.items())}
        case list() | tuple():
            return [canonical(part) for part in value]
    return value


def _place(sorted_by: str) -> Callable[[tuple[int, Any]], object]:
    """By what items have the same place; one that doesn't show it has a place of its own."""
    return lambda numbered: repr(numbered[1].get(sorted_by, numbered[0]))


def _in_any_order(items: list[Any]) -> list[Any]:
    return sorted(items, key=repr)


def _contents(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = answer.get("Contents", [])
    return found
