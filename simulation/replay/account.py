"""An empty account of the emulator for each history, with the template's tables and its bucket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from devstack.aws import REGION, SECRET_KEY, Cloud, settings_of
from devstack.settings import CHECKOUT
from simulation.cloud import MemoryCloud

_TABLE = "AWS::DynamoDB::Table"
_BUCKET = "AWS::S3::Bucket"
#: What CreateTable takes over from the template. Times to live are left out: ministack would
#: remove by the real clock what is over by the simulated one.
_TAKEN = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Second:
    """The second AWS of one history, under the names that the one in memory has.

    Without `s3` documents are in memory only.
    """

    dynamodb: Any
    streams: Any
    s3: Any | None


@contextmanager
def second_aws(account: Cloud, like: MemoryCloud, *, documents: bool = True) -> Iterator[Second]:
    """Within it, the account has what `like` has; afterwards it has nothing, so that others fit."""
    with ExitStack() as held:

        def client(service: str) -> Any:
            made = _client(account, service)
            held.callback(made.close)
            return made

        second = Second(
            dynamodb=client("dynamodb"),
            streams=client("dynamodbstreams"),
            s3=client("s3") if documents else None,
        )
        for name, properties in _of_type(like, _TABLE):
            second.dynamodb.create_table(TableName=name, **_table(properties))
            held.callback(second.dynamodb.delete_table, TableName=name)
        if documents:
            for name, properties in _of_type(like, _BUCKET):
                _create_bucket(second.s3, name, properties)
                held.callback(_delete_bucket, second.s3, name)
        yield second


def _client(account: Cloud, service: str) -> Any:
    """A client that tries once: trying again is the simulator's."""
    session = boto3.Session(
        aws_access_key_id=account.account_id,
        aws_secret_access_key=SECRET_KEY,
        region_name=REGION,
    )
    config = Config(
        proxies={},
        retries={"total_max_attempts": 1, "mode": "standard"},
        # A busy machine is no finding.
        read_timeout=120,
    )
    return session.client(service, endpoint_url=account.endpoint_url, config=config)


def _of_type(like: MemoryCloud, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for logical_id, resource in settings_of(CHECKOUT).data_resources().items():
        if resource["Type"] == kind:
            yield like.physical_ids[logical_id], resource.get("Properties", {})


def _table(properties: Mapping[str, Any]) -> dict[str, Any]:
    params = {name: properties[name] for name in _TAKEN if name in properties}
    if "StreamSpecification" in properties:
        params["StreamSpecification"] = {"StreamEnabled": True, **properties["StreamSpecification"]}
    return params


def _create_bucket(s3: Any, bucket: str, properties: Mapping[str, Any]) -> None:
    s3.create_bucket(Bucket=bucket)
    versioning = properties.get("VersioningConfiguration")
    if versioning:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=versioning)


def _delete_bucket(s3: Any, bucket: str) -> None:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for each in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
            s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
    s3.delete_bucket(Bucket=bucket)
