"""Where CloudFormation finds the code and the template: a bucket, by their content's hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import ClientError

from scripts.change_sets import DeployError
from scripts.package import CODE, TEMPLATE

_ABSENT = ("404", "NoSuchBucket", "NoSuchKey", "NotFound")


class Uploads:
    """A bucket for packages. Equal content has one name, and is uploaded once."""

    def __init__(self, s3: Any, *, bucket: str, prefix: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix

    def prepare(self, *, region: str, may_create: bool) -> bool:
        """Make sure of the bucket; return whether it was made.

        Raises:
            DeployError: there is none, and it isn't ours to make.
        """
        if self._is_there(lambda: self._s3.head_bucket(Bucket=self._bucket)):
            return False
        if not may_create:
            raise DeployError(f"There is no bucket {self._bucket}.")
        place = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        # The oldest region is the one that mustn't be named.
        self._s3.create_bucket(Bucket=self._bucket, **({} if region == "us-east-1" else place))
        self._s3.put_public_access_block(
            Bucket=self._bucket,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
        )
        self._s3.put_bucket_policy(
            Bucket=self._bucket,
            Policy=json.dumps(_only_over_tls(f"arn:aws:s3:::{self._bucket}")),
        )
        return True

    def put(self, package: Path) -> tuple[str, Mapping[str, Any]]:
        """Upload a package; return the template's address, and the template as uploaded."""
        code = (package / CODE).read_bytes()
        key = self._keep(code, ".zip")
        content = yaml.safe_load((package / TEMPLATE).read_text(encoding="utf-8"))
        # A date such as a policy's version was read as one, and is text.
        template: dict[str, Any] = json.loads(json.dumps(content, default=str))
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                resource["Properties"]["CodeUri"] = f"s3://{self._bucket}/{key}"
        text = json.dumps(template, sort_keys=True, separators=(",", ":"))
        name = self._keep(text.encode(), ".json")
        url: str = self._s3.meta.endpoint_url
        return f"{url}/{self._bucket}/{name}", template

    def _keep(self, content: bytes, suffix: str) -> str:
        key = f"{self._prefix}/{hashlib.sha256(content).hexdigest()}{suffix}"
        if not self._is_there(lambda: self._s3.head_object(Bucket=self._bucket, Key=key)):
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=content)
        return key

    def _is_there(self, look: Any) -> bool:
        try:
            look()
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return False
            raise DeployError(f"The bucket {self._bucket} can't be used: {error}") from error
        return True


def _only_over_tls(arn: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OnlyOverTls",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
