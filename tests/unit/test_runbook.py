"""Every alarm says what the runbook says of it, and every alarm has its paragraph there."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from chalice.app import ScheduledEventConfig
from chalice.utils import to_cfn_resource_name

from app import app
from chalicelib.adapters.metrics import CATALOGUE
from devstack.settings import CHECKOUT
from tests.unit.test_template import ALARMS, TEMPLATE

#: CloudWatch's limit of an alarm's description.
MOST_CHARACTERS = 1024
RUNBOOK = (CHECKOUT / "docs" / "runbook.md").read_text(encoding="utf-8")
MANUAL = (CHECKOUT / "docs" / "operating.md").read_text(encoding="utf-8")


def paragraphs() -> Mapping[str, str]:
    """What the runbook says, by alarm, as the plain text of one line."""
    found: dict[str, str] = {}
    for section in RUNBOOK.split("\n## ")[1:]:
        heading, _, body = section.partition("\n")
        when, _, text = body.strip().partition("\n\n")
        assert when.startswith("When: ")
        for name in re.findall(r"`(\w+)`", heading):
            assert name not in found, f"{name} has two paragraphs"
            found[name] = " ".join(text.replace("`", "").split())
    return found


def test_every_alarm_has_its_paragraph_and_every_paragraph_its_alarm() -> None:
    assert set(paragraphs()) == set(ALARMS)


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_an_alarm_says_what_the_runbook_says(name: str) -> None:
    text = ALARMS[name]["AlarmDescription"]
    assert text == paragraphs()[name]
    assert len(text) <= MOST_CHARACTERS
    assert "Look first" in text, "where to begin"
    assert "Over " in text, "when it is over"


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_the_manual_lists_every_alarm(name: str) -> None:
    assert f"`{name}`" in MANUAL


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_the_manual_lists_every_metric_with_its_values(name: str) -> None:
    (line,) = (
        line for line in MANUAL.splitlines() if line.startswith("| ") and f"`{name}`" in line
    )
    for value in CATALOGUE[name].values:
        assert value in line


def test_the_manual_says_how_many_metrics_there_are() -> None:
    assert f"They are {sum(kind.series for kind in CATALOGUE.values())} in" in MANUAL


@pytest.mark.parametrize(
    "name", sorted(n for n, a in ALARMS.items() if a["Namespace"] == "GatewayCredits")
)
def test_an_alarm_of_ours_watches_a_metric_that_is_emitted(name: str) -> None:
    alarm = ALARMS[name]
    kind = CATALOGUE[alarm["MetricName"]]
    dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
    assert dimensions.pop("service") == {"Ref": "AWS::StackName"}
    if dimensions:
        ((dimension, value),) = dimensions.items()
        assert (dimension, value in kind.values) == (kind.dimension, True)
    else:
        assert kind.dimension is None or kind.summed


def test_every_function_that_fails_is_noticed() -> None:
    watched = {
        alarm["Dimensions"][0]["Value"]["Ref"]
        for alarm in ALARMS.values()
        if alarm["MetricName"] == "Errors"
    }
    # What the API fails is a 5xx.
    assert watched == {to_cfn_resource_name(source.name) for source in app.event_sources}
    schedules = [s.name for s in app.event_sources if isinstance(s, ScheduledEventConfig)]
    assert {to_cfn_resource_name(name) for name in schedules} <= watched


@pytest.mark.parametrize("name", ["TopUpBurst", "DeclineBurst"])
def test_what_is_plausible_is_the_operators_to_say(name: str) -> None:
    assert ALARMS[f"{name}Alarm"]["Threshold"] == {"Ref": name}
    assert TEMPLATE["Parameters"][name]["Type"] == "Number"
