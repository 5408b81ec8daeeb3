"""Which rights the application's AWS calls need, noted by the function that makes them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import botocore

NOTES = "RECORDED_RIGHTS"
"""The variable that names the file into which the application's processes write."""
AHEAD = "RECONCILE_AHEAD"
"""The variable that names a file: while it is there, the reconciliation's clock is ahead."""

_PARTITION = "aws"
_current: ContextVar[str | None] = ContextVar("function", default=None)
Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """That a function may do something with a resource, which is an ARN or `*`."""

    function: str
    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.function}: {self.action} on {self.resource}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arns:
    """How resources are named in IAM, by what calls name them."""

    region: str
    account_id: str

    def table(self, name: str) -> str:
        """A table, or an index of one: `name/index/due`."""
        return self.of("dynamodb", f"table/{name}")

    def queue(self, url: str) -> str:
        """A queue."""
        return self.of("sqs", url.rpartition("/")[2])

    def bus(self, name: str) -> str:
        """An event bus."""
        return self.of("events", f"event-bus/{name}")

    def sender(self, address: str) -> str:
        """Who sends mail."""
        return self.of("ses", f"identity/{address}")

    def secret(self, name: str) -> str:
        """A secret, whose ARN has six more characters, which only AWS knows."""
        whole = name.startswith("arn:")
        return name if whole else self.of("secretsmanager", f"secret:{name}-AbCdEf")

    def bucket(self, name: str) -> str:
        """A bucket, or an object in it: `name/key`."""
        return f"arn:{_PARTITION}:s3:::{name}"

    def of(self, service: str, resource: str) -> str:
        """Any resource of the account in its region."""
        return f"arn:{_PARTITION}:{service}:{self.region}:{self.account_id}:{resource}"


Needed = tuple[str, str]
"""An action and a resource."""

_TRANSACTION_ACTIONS = {
    "ConditionCheck": "dynamodb:ConditionCheckItem",
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "Get": "dynamodb:GetItem",
}
#: Operations that are checked as another action.
_SAME_AS = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "s3:HeadObject": "s3:GetObject",
}


def needed(service: str, operation: str, params: Params, arns: Arns) -> list[Needed]:
    """What IAM checks for a call of a service, as botocore names both.

    Source: "Actions, resources, and condition keys" in AWS's service authorization reference. A
    call of a service that is unknown here needs what no policy will grant, and so is noticed.
    """
    prefix, name = _SERVICES.get(service, (service, _anything))
    action = f"{prefix}:{operation}"
    return list(name(_SAME_AS.get(action, action), params, arns))


def _dynamodb(action: str, params: Params, arns: Arns) -> Iterator[Needed]:
    if "TransactItems" in params:
        # A transaction is no action of its own: each item is checked as what it does.
        for item in params["TransactItems"]:
            for member, detail in item.items():
                yield _TRANSACTION_ACTIONS[member], arns.table(detail["TableName"])
    elif "RequestItems" in params:
        for table in params["RequestItems"]:
            yield action, arns.table(table)
    else:
        index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
        yield action, arns.table(params["TableName"] + index)


def _sqs(action: str, params: Params, arns: Arns) -> Iterator[Needed]:
    yield action, arns.queue(params["QueueUrl"])


def _s3(action: str, params: Params, arns: Arns) -> Iterator[Needed]:
    key = f"/{params['Key']}" if "Key" in params else ""
    yield action, arns.bucket(params["Bucket"] + key)


def _events(action: str, params: Params, arns: Arns) -> Iterator[Needed]:
    for entry in params["Entries"]:
        yield action, arns.bus(entry["EventBusName"])


def _ses(action: str, params: Params, arns: Arns) -> Iterator[Needed]:
    yield action, arns.sender(params["FromEmailAddress"])


def _secrets(action: str, params: Params, arns: Arns) -> Iterator[Needed]:
    yield action, arns.secret(params["SecretId"])


def _anything(action: str, params: Params, arns: Arns) -> Iterator[Needed]:
    yield action, "*"


#: A service's prefix in IAM, and how to read its resources from a call.
_SERVICES: dict[str, tuple[str, Callable[[str, Params, Arns], Iterable[Needed]]]] = {
    "DynamoDB": ("dynamodb", _dynamodb),
    "EventBridge": ("events", _events),
    "S3": ("s3", _s3),
    "SESv2": ("ses", _ses),
    "SQS": ("sqs", _sqs),
    "Secrets Manager": ("secretsmanager", _secrets),
}


class Recorder:
    """Appends to a file each right that is needed, once per process."""

    def __init__(self, file: Path, arns: Arns) -> None:
        self._file = file
        self._arns = arns
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    @property
    def current(self) -> str | None:
        """The function that is acting, if one is."""
        return _current.get()

    def watch(self) -> None:
        """Note the calls of every client that is made from now on, signed links included."""
        botocore.register_initializer(self._watch_session)

    @contextmanager
    def acting_as(self, function: str) -> Iterator[None]:
        """Take the calls made inside for those of the function."""
        token = _current.set(function)
        try:
            yield
        finally:
            _current.reset(token)

    def note(self, kind: str, *words: str) -> None:
        """Append a line, if it is a new one."""
        line = "\t".join((kind, *words)) + "\n"
        with self._lock:
            if line in self._seen:
                return
            self._seen.add(line)
        # One write of few bytes at the end of a file: lines of several processes don't mix.
        descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)

    def _watch_session(self, session: Any) -> None:
        session.register("provide-client-params", self._called)

    def _called(self, params: Params, model: Any, **_: object) -> None:
        function = self.current
        if function is None:
            return  # one of the pollers that stand for Lambda itself
        service: str = model.service_model.service_id
        for action, resource in needed(service, model.name, params, self._arns):
            self.note("right", *astuple(Right(function, action, resource)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What the application's processes wrote."""

    rights: frozenset[Right]
    routes: frozenset[str]
    functions: frozenset[str]

    @classmethod
    def read(cls, file: Path) -> Notes:
        """Read the file as it is now."""
        lines = [line.split("\t") for line in file.read_text().splitlines()]
        return cls(
            rights=frozenset(Right(*words) for kind, *words in lines if kind == "right"),
            routes=frozenset(" ".join(words) for kind, *words in lines if kind == "route"),
            functions=frozenset(words[0] for kind, *words in lines if kind == "function"),
        )
