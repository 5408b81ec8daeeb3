"""What is measured says whose it is: the stack's that the function belongs to."""

from __future__ import annotations

import io
import json
import logging

import pytest
from aws_lambda_powertools import Logger

from chalicelib.adapters.metrics import Meter
from scripts.deploy import stack_of
from scripts.package import STAGES
from tests.support.measured import NAMESPACE, log_lines


def measured_by(stack: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The line of a metric, as a function of the stack writes it."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", stack)
    written = io.StringIO()
    Meter(namespace=NAMESPACE, write=written.write).put({"LedgerMismatches": 1})
    line: dict[str, object] = json.loads(written.getvalue())
    return line


def test_the_stages_of_one_account_measure_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = {stage: measured_by(stack_of(stage), monkeypatch) for stage in STAGES}
    assert {stage: line["service"] for stage, line in lines.items()} == {
        "dev": "gateway-credits-dev",
        "prod": "gateway-credits",
    }
    for line in lines.values():
        (directive,) = line["_aws"]["CloudWatchMetrics"]  # type: ignore[index]
        assert directive["Dimensions"] == [["service"]]


def test_what_is_summed_is_kept_under_the_stacks_name_alone_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "gateway-credits-dev")
    written = io.StringIO()
    Meter(namespace=NAMESPACE, write=written.write).put({"Declines": 1}, dimension="hard")
    line = json.loads(written.getvalue())
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert sorted(map(sorted, directive["Dimensions"])) == [["Kind", "service"], ["service"]]
    assert (line["service"], line["Kind"]) == ("gateway-credits-dev", "hard")


def test_each_line_of_the_log_says_which_stack_wrote_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "gateway-credits-dev")
    written = io.StringIO()
    Logger(logger_handler=logging.StreamHandler(written)).warning("Something")
    (line,) = log_lines(written.getvalue())
    assert (line["service"], line["message"]) == ("gateway-credits-dev", "Something")
