"""What the running local stack has for the example: its addresses, a token, a queue of events.

Only this module knows the local stack. On AWS, the addresses come from configuration, the token
from the identity provider, and the queue with its rule from the gateway's own template.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devstack.aws import Cloud
from devstack.crew import DESCRIPTION_FILE
from devstack.tokens import Issuer, signing_key

_EVENTS = {"detail-type": ["credits.exhausted", "credits.restored"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalStack:
    """A stack that was started with `make run`."""

    description: Mapping[str, str]
    home: Path

    @classmethod
    def running(cls, home: Path) -> LocalStack | None:
        """The stack that runs below the folder, if one does."""
        file = home / DESCRIPTION_FILE
        if not file.exists():
            return None
        return cls(description=json.loads(file.read_text()), home=home)

    @property
    def url(self) -> str:
        """The address of the credits service."""
        return self.description["url"]

    @property
    def token(self) -> Callable[[], str]:
        """A provider of tokens; these last longer than an example runs."""
        issuer = Issuer(stack_url=self.url, key=signing_key(self.home))
        token = issuer.token(organization_id="example", scope="gateway", subject="example")
        return lambda: token

    @property
    def cloud(self) -> Cloud:
        """The stack's account of the emulated AWS."""
        return Cloud(
            endpoint_url=self.description["aws_endpoint_url"],
            account_id=self.description["aws_access_key_id"],
        )

    @contextmanager
    def event_queue(self, sqs: Any) -> Iterator[str]:
        """The address of a queue of events, which is there as long as somebody listens."""
        events, bus = self.cloud.client("events"), self.cloud.physical_ids()["EventBus"]
        name = f"example-gateway-{uuid.uuid4().hex[:8]}"
        queue_url: str = sqs.create_queue(QueueName=name)["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
        target = {"Id": name, "Arn": attributes["Attributes"]["QueueArn"]}
        events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(_EVENTS))
        events.put_targets(Rule=name, EventBusName=bus, Targets=[target])
        try:
            yield queue_url
        finally:
            events.remove_targets(Rule=name, EventBusName=bus, Ids=[name])
            events.delete_rule(Name=name, EventBusName=bus)
            sqs.delete_queue(QueueUrl=queue_url)
