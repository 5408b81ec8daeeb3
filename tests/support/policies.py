"""What `.chalice/policy-*.json` grant to each function, their expressions resolved."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from devstack.aws import STACK_NAME
from devstack.template import Template
from tests.support.rights import Arns, Right

_INSERTED = re.compile(r"\$\{([^}]+)\}")


class PolicyError(Exception):
    """A policy says something that can't be judged here."""


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One action on one resource, which may have `*` in it, granted to a function."""

    function: str
    sid: str
    action: str
    resource: str

    def allows(self, right: Right) -> bool:
        """Whether the right is covered."""
        return (
            right.function == self.function
            and right.action == self.action
            and fnmatchcase(right.resource, self.resource)
        )

    def __str__(self) -> str:
        return f"{self.function}: {self.action} on {self.resource} (statement {self.sid})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """Resolves what policies are made of, as CloudFormation does."""

    template: Template
    physical_ids: Mapping[str, str]
    arns: Arns

    def resolve(self, expression: Any) -> str:
        """An ARN.

        Raises:
            PolicyError: it is made of something else than Fn::GetAtt and Fn::Sub.
        """
        match expression:
            case str():
                return expression
            case {"Fn::GetAtt": [logical_id, attribute]}:
                return self.attribute(logical_id, attribute)
            case {"Fn::Sub": str(text)}:
                return _INSERTED.sub(lambda found: self._inserted(found[1]), text)
        raise PolicyError(f"{expression} is not understood.")

    def attribute(self, logical_id: str, attribute: str) -> str:
        """An attribute of a resource of the template."""
        resource = self.template.content["Resources"].get(logical_id, {}).get("Type")
        name = self.physical_ids.get(logical_id, logical_id)
        match resource, attribute:
            case "AWS::DynamoDB::Table", "Arn":
                return self.arns.table(name)
            case "AWS::DynamoDB::Table", "StreamArn":
                # Streams have a date for a name; no two of one table are told apart here.
                return self.arns.table(f"{name}/stream/latest")
            case "AWS::SQS::Queue", "Arn":
                return self.arns.queue(name)
            case "AWS::S3::Bucket", "Arn":
                return self.arns.bucket(name)
            case "AWS::Events::EventBus", "Arn":
                return self.arns.bus(name)
            case "AWS::SecretsManager::Secret", "Id":
                return self.arns.secret(name)
        raise PolicyError(f"{logical_id}.{attribute} of a {resource} is not understood.")

    def _inserted(self, name: str) -> str:
        pseudo = {
            "AWS::Partition": "aws",
            "AWS::Region": self.arns.region,
            "AWS::AccountId": self.arns.account_id,
            "AWS::StackName": STACK_NAME,
        }
        if name in pseudo:
            return pseudo[name]
        if name in self.template.content["Parameters"]:
            return str(self.template.content["Parameters"][name]["Default"])
        logical_id, _, attribute = name.partition(".")
        if not attribute:
            raise PolicyError(f"${{{name}}} is not understood.")
        return self.attribute(logical_id, attribute)


def policy_files(root: Path) -> dict[str, Path]:
    """The policy of each function, by the function's name in Chalice."""
    folder = root / ".chalice"
    config = json.loads((folder / "config.json").read_text())
    functions = config["lambda_functions"]
    return {name: folder / settings["iam_policy_file"] for name, settings in functions.items()}


def grants(function: str, document: Mapping[str, Any], resolver: Resolver) -> Iterator[Grant]:
    """What a policy grants, in the smallest parts.

    Raises:
        PolicyError: it has a condition, denies something, or is written in some other way.
    """
    for statement in document["Statement"]:
        if set(statement) != {"Sid", "Effect", "Action", "Resource"}:
            raise PolicyError(f"{function}: {statement} has other parts than it may.")
        if statement["Effect"] != "Allow":
            raise PolicyError(f"{function}: {statement['Sid']} does not allow.")
        for action in _listed(statement["Action"]):
            for resource in _listed(statement["Resource"]):
                yield Grant(function, statement["Sid"], action, resolver.resolve(resource))


def missing(rights: Iterable[Right], granted: Iterable[Grant]) -> list[Right]:
    """The rights that are needed, and that nothing grants."""
    granted = list(granted)
    return sorted(right for right in rights if not any(g.allows(right) for g in granted))


def unused(rights: Iterable[Right], granted: Iterable[Grant]) -> list[Grant]:
    """The grants that allow nothing which is needed."""
    rights = list(rights)
    return sorted(grant for grant in granted if not any(grant.allows(r) for r in rights))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
