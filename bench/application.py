"""The application in this process, on one engine, with its database client under the meter."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app import app
from bench.meter import Meter
from chalicelib.adapters.dynamodb.models import AccountModel
from chalicelib.domain.usage_day import AccountChange
from chalicelib.wiring import Services, services
from devstack.aws import Cloud
from devstack.emulator import Emulator
from devstack.invocation import Event, Function
from tests.functional.api import Api, running_api
from tests.support.worker import fund

FUNDS = "1000.00"
_serial = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What the bench does with the application."""

    api: Api
    meter: Meter
    cloud: Cloud
    dynamodb: Any
    accounts_table: str
    usage_worker: Function = field(
        default_factory=lambda: Function(
            name="usage_worker",
            handler=app.handler_map["usage_worker"],
            timeout_seconds=60,
            memory_mb=512,
        )
    )

    @property
    def services(self) -> Services:
        """The object graph."""
        return services()

    def new_client(self) -> Any:
        """Another client of the same engine."""
        return self.cloud.client("dynamodb")

    def organization(self) -> str:
        """A new organization with credits that last for everything here."""
        organization_id = f"bench-{next(_serial):06d}"
        fund(self.services.ledger, organization_id, FUNDS)
        return organization_id

    def post(self, path: str, body: Mapping[str, object]) -> Any:
        """Send a request as a gateway does; its answer has to be a good one."""
        key = f"key-{next(_serial):032d}"
        with quiet():
            answer = self.api.call("POST", path, body=body, scope="gateway", key=key)
        if answer.status not in {200, 201}:
            raise RuntimeError(f"POST {path} answered {answer.status}: {answer.body!r}")
        return answer.json()

    def apply(self, reports: Sequence[Mapping[str, object]]) -> None:
        """Hand a batch of reports to the usage worker, which must apply them all."""
        self.invoke(batch_event(reports))

    def invoke(self, event: Event) -> None:
        """Invoke the usage worker, which must fail nothing."""
        with quiet():
            answer = self.usage_worker(event)
        if answer["batchItemFailures"]:
            raise RuntimeError(f"the usage worker failed {answer['batchItemFailures']}")

    def change(self, organization_id: str) -> AccountChange:
        """The last change of an account, as the accounts' stream tells it."""
        key = {"organization_id": {"S": organization_id}}
        row = self.dynamodb.get_item(TableName=self.accounts_table, Key=key, ConsistentRead=True)
        item = row["Item"]
        return AccountChange(
            organization_id=organization_id,
            number=int(item["writes"]["N"]),
            first_key=item["last_write"]["S"],
            available_nanos=int(item["available"]["N"]),
            held_nanos=int(item["held"]["N"]),
        )


@contextmanager
def running_application(
    emulator: Emulator, *, dynamodb_url: str | None = None
) -> Iterator[Application]:
    """The application with empty tables: the emulator's own, or copies at another engine."""
    elsewhere = {} if dynamodb_url is None else {"AWS_ENDPOINT_URL_DYNAMODB": dynamodb_url}
    given = {"POWERTOOLS_LOG_LEVEL": "WARNING", **elsewhere}
    with running_api(emulator, **given) as api:
        environment = api.services.settings.environment
        cloud = Cloud(
            endpoint_url=environment["AWS_ENDPOINT_URL"],
            account_id=environment["AWS_ACCESS_KEY_ID"],
        )
        if dynamodb_url is not None:
            copy_tables(cloud, dynamodb_url)
            cloud = Cloud(endpoint_url=dynamodb_url, account_id=cloud.account_id)
        dynamodb = cloud.client("dynamodb")
        meter = Meter(dynamodb)
        _ = api.services.ledger
        meter.watch(AccountModel._get_connection().connection.client)
        yield Application(
            api=api,
            meter=meter,
            cloud=cloud,
            dynamodb=dynamodb,
            accounts_table=environment["ACCOUNTS_TABLE"],
        )


def copy_tables(cloud: Cloud, url: str) -> None:
    """Make the account's tables on the engine at `url`, as they are."""
    there = cloud.client("dynamodb")
    here = Cloud(endpoint_url=url, account_id=cloud.account_id).client("dynamodb")
    for page in there.get_paginator("list_tables").paginate():
        for name in page["TableNames"]:
            here.create_table(**_definition(there.describe_table(TableName=name)["Table"]))


def report(organization_id: str, lines: Sequence[Mapping[str, object]], **more: object) -> Event:
    """A usage report as gateways send it."""
    return {
        "version": 1,
        "report_id": f"{next(_serial):08d}-0000-4000-8000-000000000000",
        "organization_id": organization_id,
        "project_id": "search",
        "occurred_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "hold_id": None,
        "final": False,
        "lines": list(lines),
        **more,
    }


def batch_event(reports: Sequence[Mapping[str, object]]) -> Event:
    """The event in which Lambda hands messages to a function."""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": f"receipt-{number}",
                "body": json.dumps(each),
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:100000000001:usage.fifo",
                "awsRegion": "us-east-1",
            }
            for number, each in enumerate(reports)
        ]
    }


@contextmanager
def quiet() -> Iterator[None]:
    """Keep metrics, which are printed, out of the tables."""
    with redirect_stdout(io.StringIO()):
        yield


def _definition(described: Mapping[str, Any]) -> dict[str, Any]:
    definition = {
        "TableName": described["TableName"],
        "AttributeDefinitions": described["AttributeDefinitions"],
        "KeySchema": described["KeySchema"],
        "BillingMode": "PAY_PER_REQUEST",
    }
    indexes = [
        {name: index[name] for name in ("IndexName", "KeySchema", "Projection")}
        for index in described.get("GlobalSecondaryIndexes", ())
    ]
    return {**definition, "GlobalSecondaryIndexes": indexes} if indexes else definition
