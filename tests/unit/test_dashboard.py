"""The dashboard is valid, and shows nothing that isn't measured."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from chalice.utils import to_cfn_resource_name

from app import app
from chalicelib.adapters.metrics import CATALOGUE
from tests.unit.test_template import ALARMS, RESOURCES, of_type

#: Of AWS's metrics, which there are by the dimensions that they are shown by.
AWS_METRICS: Mapping[tuple[str, str], frozenset[str]] = {
    ("AWS/ApiGateway", "ApiName,Stage"): frozenset({"Count", "4XXError", "5XXError", "Latency"}),
    ("AWS/Lambda", "FunctionName"): frozenset(
        {"Errors", "Throttles", "Duration", "ConcurrentExecutions", "IteratorAge"}
    ),
    ("AWS/SQS", "QueueName"): frozenset(
        {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"}
    ),
    ("AWS/DynamoDB", "TableName"): frozenset({"ReadThrottleEvents", "WriteThrottleEvents"}),
}
#: What an attribute or a reference belongs to, by the dimension that it is the value of.
DIMENSION_TYPES = {"QueueName": "AWS::SQS::Queue", "TableName": "AWS::DynamoDB::Table"}
FUNCTIONS = {to_cfn_resource_name(source.name) for source in app.event_sources} | {"APIHandler"}
GRID = 24

(DASHBOARD,) = of_type("AWS::CloudWatch::Dashboard").values()
TEXT: str = DASHBOARD["DashboardBody"]["Fn::Sub"]


def body() -> dict[str, Any]:
    """The dashboard as CloudWatch gets it, each reference as its own name."""
    found: dict[str, Any] = json.loads(re.sub(r"\$\{([^}]+)\}", r"<\1>", TEXT))
    return found


def widgets(kind: str) -> list[dict[str, Any]]:
    return [widget["properties"] for widget in body()["widgets"] if widget["type"] == kind]


def metrics() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Namespace, name and dimensions of everything that is drawn."""
    for properties in widgets("metric"):
        for given in properties["metrics"]:
            namespace, name, *rest = (part for part in given if not isinstance(part, dict))
            yield namespace, name, dict(zip(rest[::2], rest[1::2], strict=True))


def test_every_reference_is_to_something_that_is_there() -> None:
    for reference in re.findall(r"\$\{([^}]+)\}", TEXT):
        name = reference.partition(".")[0]
        assert (
            name in {"AWS::Region", "AWS::StackName"} or name in RESOURCES or name in FUNCTIONS
        ), reference


def test_what_is_drawn_is_measured() -> None:
    for namespace, name, dimensions in metrics():
        if namespace != "GatewayCredits":
            shown_by = ",".join(dimensions)
            assert name in AWS_METRICS[namespace, shown_by], (namespace, name, shown_by)
            continue
        assert dimensions.pop("service") == "<AWS::StackName>"
        kind = CATALOGUE[name]
        if kind.dimension is None or (kind.summed and not dimensions):
            assert not dimensions, name
        else:
            assert dimensions[kind.dimension] in kind.values, (name, dimensions)


def test_everything_that_is_measured_is_drawn() -> None:
    drawn = {
        (name, dimensions.get(CATALOGUE[name].dimension or ""))
        for namespace, name, dimensions in metrics()
        if namespace == "GatewayCredits"
    }
    for name, kind in CATALOGUE.items():
        for value in kind.values or (None,):
            # A conflict is a report that is set aside, and drawn as that.
            assert (name, value) in drawn or name == "ReportsConflict", (name, value)


@pytest.mark.parametrize("dimension", sorted(DIMENSION_TYPES))
def test_queues_and_tables_are_what_they_are_drawn_as(dimension: str) -> None:
    shown = {d[dimension].strip("<>").partition(".")[0] for _, _, d in metrics() if dimension in d}
    assert shown
    assert {RESOURCES[name]["Type"] for name in shown} == {DIMENSION_TYPES[dimension]}
    if dimension == "QueueName":
        assert shown == set(of_type("AWS::SQS::Queue"))


def test_every_function_is_drawn() -> None:
    shown = {d["FunctionName"].strip("<>") for _, _, d in metrics() if "FunctionName" in d}
    assert shown == FUNCTIONS


def test_every_alarm_is_shown() -> None:
    (alarms,) = widgets("alarm")
    assert sorted(alarms["alarms"]) == sorted(f"<{name}.Arn>" for name in ALARMS)


def test_no_widget_lies_upon_another() -> None:
    taken: set[tuple[int, int]] = set()
    for widget in body()["widgets"]:
        x, y = widget["x"], widget["y"]
        assert x + widget["width"] <= GRID
        cells = {
            (x + dx, y + dy) for dx in range(widget["width"]) for dy in range(widget["height"])
        }
        assert not cells & taken, widget["properties"]
        taken |= cells
