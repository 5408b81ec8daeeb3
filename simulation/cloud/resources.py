"""What the template describes, in the words of the services that hold it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devstack.aws import DEFAULT_ACCOUNT, REGION
from devstack.template import Template
from simulation.cloud.dynamodb.schema import TableSchema
from simulation.cloud.sqs.queue import QueueSettings

_RESOLVED_AT_DEPLOYMENT = "{{resolve:"


class Resources:
    """The template's resources under names that a stack would give them."""

    def __init__(self, template: Template, *, stack: str) -> None:
        self._template = template
        self._stack = stack
        self._found = template.data_resources()
        self.physical_ids: Mapping[str, str] = {
            logical_id: self._physical_id(logical_id) for logical_id in self._found
        }

    def variables(self) -> dict[str, str]:
        """The environment of all functions, without what a deployment has to give."""
        found: dict[str, str] = {}
        for name, expression in self._template.variables().items():
            value = self._value(expression)
            if value is not None and _RESOLVED_AT_DEPLOYMENT not in value:
                found[name] = value
        return found

    def tables(self) -> list[TableSchema]:
        """The tables."""
        return [
            TableSchema.of({**properties, "TableName": self.physical_ids[logical_id]})
            for logical_id, properties in self._of_type("AWS::DynamoDB::Table").items()
        ]

    def queues(self) -> list[QueueSettings]:
        """The queues; a dead-letter queue is named by its address."""
        return [
            QueueSettings.of(
                url=self.physical_ids[logical_id],
                properties=properties,
                dead_letters_url=self._dead_letters(properties),
            )
            for logical_id, properties in self._of_type("AWS::SQS::Queue").items()
        ]

    def buckets(self) -> dict[str, bool]:
        """The buckets, and whether they keep versions."""
        return {
            self.physical_ids[logical_id]: properties.get("VersioningConfiguration", {}).get(
                "Status"
            )
            == "Enabled"
            for logical_id, properties in self._of_type("AWS::S3::Bucket").items()
        }

    def buses(self) -> list[str]:
        """The event buses."""
        return [self.physical_ids[each] for each in self._of_type("AWS::Events::EventBus")]

    def _of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        return {
            logical_id: resource.get("Properties", {})
            for logical_id, resource in self._found.items()
            if resource["Type"] == kind
        }

    def _physical_id(self, logical_id: str) -> str:
        kind = self._found[logical_id]["Type"]
        properties = self._found[logical_id].get("Properties", {})
        name = f"{self._stack}-{logical_id}"
        if kind == "AWS::SQS::Queue":
            named = self._value(properties.get("QueueName")) or name
            return f"https://sqs.{REGION}.amazonaws.com/{DEFAULT_ACCOUNT}/{named}"
        if kind == "AWS::S3::Bucket":
            return name.lower()
        return self._value(properties.get("Name") or properties.get("TableName")) or name

    def _dead_letters(self, properties: Mapping[str, Any]) -> str | None:
        match properties.get("RedrivePolicy"):
            case {"deadLetterTargetArn": {"Fn::GetAtt": [str() as logical_id, "Arn"]}}:
                return self.physical_ids[logical_id]
        return None

    def _value(self, expression: Any) -> str | None:
        match expression:
            case str():
                return expression
            case {"Ref": "AWS::StackName"}:
                return self._stack
            case {"Ref": str() as name} if name in self._found:
                return self.physical_ids[name]
            case {"Ref": str() as name}:
                default = self._template.content["Parameters"].get(name, {}).get("Default")
                return None if default is None else str(default)
            case {"Fn::Sub": str() as text}:
                return text.replace("${AWS::StackName}", self._stack)
        return None
