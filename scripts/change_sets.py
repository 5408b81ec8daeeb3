"""CloudFormation's change sets: made, shown, carried out, and followed until they end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

#: Types whose replacement or removal takes data away, or an address that others know.
DATA_TYPES = (
    "AWS::DynamoDB::",
    "AWS::Events::EventBus",
    "AWS::KMS::",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
    "AWS::SQS::Queue",
)
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
_LOOK_EVERY_SECONDS = 3.0
#: A change set takes seconds; a stack's update at most this long, with fifteen tables and a domain.
_PLANNING_SECONDS = 300.0
_WORKING_SECONDS = 3600.0
_GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
#: From these a stack can't be updated.
STUCK = {
    "ROLLBACK_COMPLETE": "it was never created: delete it first",
    "ROLLBACK_FAILED": "it was never created: delete it first",
    "DELETE_FAILED": "its deletion failed: finish that first",
    "UPDATE_ROLLBACK_FAILED": "continue its rollback first",
}


class DeployError(Exception):
    """Nothing was deployed, or not all of it; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to happen to a resource."""

    action: str
    logical_id: str
    kind: str
    replacement: str

    @property
    def endangers_data(self) -> bool:
        """Whether data, or a name that others know, may be gone afterwards."""
        if not self.kind.startswith(DATA_TYPES):
            return False
        return self.action in ("Remove", "Dynamic") or self.replacement in ("True", "Conditional")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """One stack of CloudFormation; `pause` waits between two looks at it."""

    cloudformation: Any
    name: str
    pause: Callable[[float], None] = field(default=time.sleep)
    clock: Callable[[], float] = field(default=time.monotonic)

    def describe(self) -> Mapping[str, Any] | None:
        """The stack as it is, or None if there is none (or just an empty plan for it)."""
        try:
            answer = self.cloudformation.describe_stacks(StackName=self.name)
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return None
            raise
        (stack,) = answer["Stacks"]
        found: Mapping[str, Any] = stack
        return None if found["StackStatus"] == "REVIEW_IN_PROGRESS" else found

    def plan(
        self, *, name: str, template_url: str, parameters: Sequence[Any], tags: Mapping[str, str]
    ) -> list[Change] | None:
        """Make a change set, and return what it would do; None if there is nothing to do.

        Raises:
            DeployError: CloudFormation refuses the template.
        """
        self.cloudformation.create_change_set(
            StackName=self.name,
            ChangeSetName=name,
            ChangeSetType="CREATE" if self.describe() is None else "UPDATE",
            TemplateURL=template_url,
            Parameters=list(parameters),
            Capabilities=CAPABILITIES,
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
        for _ in self._looks(_PLANNING_SECONDS):
            pages = list(self._pages(name))
            status, reason = pages[0]["Status"], pages[0].get("StatusReason", "")
            if status == "CREATE_COMPLETE":
                found = [change for page in pages for change in page.get("Changes", [])]
                return [_read(change["ResourceChange"]) for change in found]
            if status == "FAILED":
                self.discard(name)
                if any(sign in reason for sign in _NO_CHANGES):
                    return None
                raise DeployError(f"CloudFormation refuses the change set: {reason}")
        raise DeployError("The change set was not ready in time.")

    def discard(self, name: str) -> None:
        """Remove a change set, and the empty stack that CloudFormation made for it."""
        self.cloudformation.delete_change_set(StackName=self.name, ChangeSetName=name)
        if self.describe() is None:
            self.cloudformation.delete_stack(StackName=self.name)

    def carry_out(self, name: str, *, show: Callable[[str], None]) -> None:
        """Execute a change set, and tell of each resource until all is done.

        Raises:
            DeployError: it failed; CloudFormation has put everything back.
        """
        seen = {event["EventId"] for event in self._events()}
        self.cloudformation.execute_change_set(StackName=self.name, ChangeSetName=name)
        before, reasons = len(seen), list[str]()
        for _ in self._looks(_WORKING_SECONDS):
            for event in self._events():
                if event["EventId"] in seen:
                    continue
                seen.add(event["EventId"])
                show(f"  {event['ResourceStatus']:<36} {event['LogicalResourceId']}")
                if "FAILED" in event["ResourceStatus"]:
                    reason = event.get("ResourceStatusReason", "no reason given")
                    reasons.append(f"{event['LogicalResourceId']}: {reason}")
            status = str((self.describe() or {"StackStatus": "REVIEW_IN_PROGRESS"})["StackStatus"])
            if len(seen) == before:
                continue  # it hasn't begun, and its status is still that of the last time
            if status in _GOOD:
                return
            if not status.endswith("IN_PROGRESS"):
                raise DeployError("\n".join([f"The stack is now {status}.", *reasons]))
        raise DeployError("It takes longer than an hour; look at the stack's events.")

    def outputs(self) -> dict[str, str]:
        """What the stack tells of itself."""
        stack = self.describe() or {}
        return {out["OutputKey"]: out["OutputValue"] for out in stack.get("Outputs", [])}

    def _pages(self, name: str) -> Iterator[Mapping[str, Any]]:
        asked: dict[str, str] = {"StackName": self.name, "ChangeSetName": name}
        while True:
            page = self.cloudformation.describe_change_set(**asked)
            yield page
            if not page.get("NextToken"):
                return
            asked["NextToken"] = page["NextToken"]

    def _events(self) -> list[Mapping[str, Any]]:
        """What happened to the stack, the oldest first."""
        pages = self.cloudformation.get_paginator("describe_stack_events")
        found = [e for page in pages.paginate(StackName=self.name) for e in page["StackEvents"]]
        return found[::-1]

    def _looks(self, seconds: float) -> Iterator[None]:
        deadline = self.clock() + seconds
        while self.clock() < deadline:
            yield
            self.pause(_LOOK_EVERY_SECONDS)


def table(changes: Sequence[Change], *, colours: bool) -> str:
    """The changes for a person: what endangers data is red, and said to."""
    rows = [("Action", "Resource", "Type", "Replacement")]
    rows += [(c.action, c.logical_id, c.kind, c.replacement) for c in changes]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = []
    for row, change in zip(rows, [None, *changes], strict=True):
        line = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        if change is not None and change.endangers_data:
            line = f"{line}  !! HOLDS DATA"
            line = f"\x1b[31;1m{line}\x1b[0m" if colours else line
        lines.append(line.rstrip())
    return "\n".join(lines)


def _read(change: Mapping[str, Any]) -> Change:
    replacement = str(change.get("Replacement", ""))
    return Change(
        action=change["Action"],
        logical_id=change["LogicalResourceId"],
        kind=change["ResourceType"],
        replacement="" if replacement == "False" else replacement,
    )
