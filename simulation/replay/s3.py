"""S3 twice: each call is made of the bucket in memory and of ministack's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from io import BytesIO
from typing import Any

from botocore.exceptions import ClientError

from simulation.cloud import Answer, Params
from simulation.cloud.s3 import MemoryS3
from simulation.replay.comparing import Comparing
from simulation.replay.forms import Form, form_of_object, form_of_refusal


class TwiceS3(MemoryS3):
    """Answers are ministack's."""

    def __init__(
        self,
        buckets: Mapping[str, bool],
        *,
        now: Callable[[], datetime],
        client: Any,
        comparing: Comparing,
    ) -> None:
        super().__init__(buckets, now=now)
        self._client = client
        self._comparing = comparing

    def call(self, operation: str, params: Params) -> Answer:
        """See `Service`."""
        memory, _ = _done(lambda: super(TwiceS3, self).call(operation, params))
        ministack, given = _done(lambda: self._client._make_api_call(operation, dict(params)))
        self._comparing.answers(operation, params, memory=memory, other=ministack)
        return given()

    def compare_state(self) -> None:
        """Compare all objects, with their content."""
        for bucket in self.buckets:
            other = {
                each["Key"]: self._client.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
                for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
                for each in page.get("Contents", ())
            }
            self._comparing.stored(f"objects of {bucket}", memory=self.objects(bucket), other=other)


def _done(call: Callable[[], Answer]) -> tuple[Form, Callable[[], Answer]]:
    """Make a call; gives what there is to compare, and what gives or raises what was said."""
    try:
        answer = call()
    except ClientError as error:
        return form_of_refusal(error), lambda error=error: _refuse(error)
    content: bytes | None = None
    if "Body" in answer:
        content = answer["Body"].read()
        answer = {**answer, "Body": BytesIO(content or b"")}
    return form_of_object(answer, content), lambda: answer


def _refuse(error: ClientError) -> Answer:
    raise error
