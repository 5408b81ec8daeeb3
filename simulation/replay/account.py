"""An empty account of the emulator for each history, with the template's tables and its bucket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
    """The second AWS of one history, under the names that the one in memory has."""

    dynamodb: Any
    s3: Any
    streams: Any


@contextmanager
def second_aws(account: Cloud, like: MemoryCloud) -> Iterator[Second]:
    """Within it, the account has what `like` has; afterwards it has nothing, so that others fit."""
    second = Second(
        dynamodb=_client(account, "dynamodb"),
        s3=_client(account, "s3"),
        streams=_client(account, "dynamodbstreams"),
    )
    tables, buckets = dict(_of_type(like, _TABLE)), dict(_of_type(like, _BUCKET))
    for name, properties in tables.items():
        second.dynamodb.create_table(TableName=name, **_table(properties))
    for name, properties in buckets.items():
        second.s3.create_bucket(Bucket=name)
        if "VersioningConfiguration" in properties:
            second.s3.put_bucket_versioning(
                Bucket=name, VersioningConfiguration=properties["VersioningConfiguration"]
            )
    try:
        yield second
    finally:
        for name in tables:
            second.dynamodb.delete_table(TableName=name)
        for name in buckets:
            _empty(second.s3, name)
            second.s3.delete_bucket(Bucket=name)
        for client in (second.dynamodb, second.s3, second.streams):
            client.close()


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


def _empty(s3: Any, bucket: str) -> None:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for each in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
            s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
