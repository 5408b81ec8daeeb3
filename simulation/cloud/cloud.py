"""All of AWS that the application uses, in memory, as `.chalice/resources.yaml` describes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from devstack.aws import REGION, STACK_NAME, settings_of
from devstack.settings import CHECKOUT
from devstack.template import Template
from simulation.cloud.choices import STRONGEST, Choices
from simulation.cloud.client import ATTEMPTS, MemoryClient, Pause
from simulation.cloud.dynamodb import MemoryDynamoDb
from simulation.cloud.event_bus import MemoryEventBus
from simulation.cloud.mail import MemoryMail
from simulation.cloud.resources import Resources
from simulation.cloud.s3 import MemoryS3
from simulation.cloud.secrets import MemorySecrets
from simulation.cloud.sqs import MemorySqs
from simulation.cloud.wire import Wire, direct


@cache
def _template(root: Path) -> Template:
    """It is the same in every world, and takes a while to read."""
    return settings_of(root)


class MemoryCloud:
    """The template's tables, queues, bucket and bus, empty.

    `physical_ids` and `environment` are what `devstack.emulator.Account` has by the same names:
    tables and buckets by logical id, and what the application reads.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        choices: Choices = STRONGEST,
        root: Path = CHECKOUT,
        given: Mapping[str, str] | None = None,
    ) -> None:
        resources = Resources(_template(root), stack=STACK_NAME)
        self.physical_ids: Mapping[str, str] = resources.physical_ids
        self.environment: Mapping[str, str] = {
            **resources.variables(),
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            **(given or {}),
        }
        self.dynamodb = MemoryDynamoDb(resources.tables(), choices=choices, now=now)
        self.sqs = MemorySqs(resources.queues(), choices=choices, now=now)
        self.s3 = MemoryS3(resources.buckets(), now=now)
        self.events = MemoryEventBus(resources.buses())
        self.mail = MemoryMail()
        self.secrets = MemorySecrets()

    def client(
        self,
        service: str,
        *,
        wire: Wire = direct,
        attempts: int = ATTEMPTS,
        pause: Pause | None = None,
    ) -> MemoryClient:
        """Return what boto3 would for the service of that name, such as "dynamodb" or "sesv2".

        A client of PynamoDB's is put in its place by `connection._client = client`.
        """
        parts = (self.dynamodb, self.sqs, self.s3, self.events, self.mail, self.secrets)
        found: Any = {part.name: part for part in parts}[service]
        return MemoryClient(found, wire=wire, attempts=attempts, pause=pause)
