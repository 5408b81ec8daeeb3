"""Reads `.chalice/resources.yaml`, the one description of tables, queues, bucket and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from chalice.utils import to_cfn_resource_name

DATA_TYPES = (
    "AWS::DynamoDB::",
    "AWS::Events::EventBus",
    "AWS::KMS::",
    "AWS::S3::",
    "AWS::SNS::",
    "AWS::SQS::",
)
"""What the local stack creates. Functions, their roles, the API and alarms are not among it:
the web process and the workers stand for them."""


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, such as `!Ref` and `!GetAtt`."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        raise TypeError(f"An unknown kind of YAML node: {node}")
    if suffix in {"Ref", "Condition"}:
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A merge template of `chalice package`, as read."""

    content: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Template:
        """Read the file; its short forms become long ones."""
        return cls(content=yaml.load(path.read_text(), Loader=_Loader) or {})  # noqa: S506 - a SafeLoader

    def data_resources(self, *, visibility_timeout_seconds: int | None = None) -> dict[str, Any]:
        """Return the resources that hold data, by logical id.

        `visibility_timeout_seconds` replaces every queue's own, so that a test of redelivery
        need not wait as long as a Lambda may run.
        """
        kept: dict[str, Any] = {}
        for logical_id, resource in self.content.get("Resources", {}).items():
            kind = resource.get("Type", "")
            if not kind.startswith(DATA_TYPES):
                continue
            if kind == "AWS::SQS::Queue" and visibility_timeout_seconds is not None:
                properties = {
                    **resource.get("Properties", {}),
                    "VisibilityTimeout": visibility_timeout_seconds,
                }
                resource = {**resource, "Properties": properties}  # noqa: PLW2901
            kept[logical_id] = resource
        return kept

    def variables(self) -> dict[str, Any]:
        """Return the environment that all functions share: strings and expressions."""
        function = self.content.get("Globals", {}).get("Function", {})
        found: dict[str, Any] = function.get("Environment", {}).get("Variables", {})
        return found

    def event_source(self, *, function: str, kind: str) -> dict[str, Any]:
        """Return what the file adds to a function's event source.

        `function` is the name in Chalice, `kind` Chalice's suffix: `sqs-event-source`,
        `dynamodb-event-source` or `event` for a schedule.
        """
        resource = self.content.get("Resources", {}).get(to_cfn_resource_name(function), {})
        event = to_cfn_resource_name(f"{function}-{kind}")
        found: dict[str, Any] = (
            resource.get("Properties", {}).get("Events", {}).get(event, {}).get("Properties", {})
        )
        return found
