"""What takes the place of a botocore client: the same calls, the same tries, no network."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, Protocol

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004 - its

from simulation.cloud.wire import Answer, Params, Request, Wire, direct

#: Botocore's standard mode tries these again, and every answer with one of the statuses.
_THROTTLED = frozenset(
    {
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "RequestTimeoutException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
_TRANSIENT_STATUSES = frozenset({500, 502, 503, 504})
#: What the clients are built with: `chalicelib/adapters/dynamodb/models.py` and `outside.py`.
ATTEMPTS = 3
_WORD = re.compile(r"(?<!^)(?=[A-Z])")

#: Called between two tries with the number of the one that failed; time passes meanwhile.
Pause = Callable[[int], None]


class Service(Protocol):
    """A service in memory."""

    name: str

    def completed(self, operation: str, params: Params) -> Params:
        """Add what botocore adds before its first try, such as a token that all tries share."""

    def call(self, operation: str, params: Params) -> Answer:
        """Do it once, at once; raises what botocore would make of a refusal."""

    def operations(self) -> Iterable[str]:
        """The names of the calls that it knows."""


class MemoryClient:
    """A client of a service in memory: `client.get_item(…)` and PynamoDB's `_make_api_call`.

    It tries again as botocore's standard mode does with the project's settings.
    """

    def __init__(
        self,
        service: Service,
        *,
        wire: Wire = direct,
        attempts: int = ATTEMPTS,
        pause: Pause | None = None,
    ) -> None:
        self._service = service
        self._wire = wire
        self._attempts = attempts
        self._pause = pause
        self._operations = {_snake(name): name for name in service.operations()}
        #: What PynamoDB looks at.
        self._request_signer = None
        self.meta = SimpleNamespace(
            endpoint_url=f"memory://{service.name}", region_name="us-east-1"
        )

    def __getattr__(self, name: str) -> Callable[..., Answer]:
        operation = self.__dict__.get("_operations", {}).get(name)
        if operation is None:
            raise AttributeError(f"{name}: the service in memory has no such call")

        def call(**params: Any) -> Answer:
            return self._make_api_call(operation, params)

        return call

    def generate_presigned_url(
        self,
        ClientMethod: str,  # noqa: N803 - boto3's names
        Params: Params,  # noqa: N803
        ExpiresIn: int = 3600,  # noqa: N803
    ) -> str:
        """S3's link to an object, made without a request."""
        link: str = self._service.link(  # type: ignore[attr-defined]
            ClientMethod, Params, expires_in_seconds=ExpiresIn
        )
        return link

    def _make_api_call(self, operation: str, params: Params) -> Answer:
        params = self._service.completed(operation, params)
        attempt = 1
        while True:
            request = Request(
                service=self._service.name, operation=operation, params=params, attempt=attempt
            )
            try:
                return self._wire(request, lambda: self._service.call(operation, params))
            except (ClientError, ConnectionError, HTTPClientError) as error:
                if attempt >= self._attempts or not _may_pass(error):
                    raise
            if self._pause:
                self._pause(attempt)
            attempt += 1


def _may_pass(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return True
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return error.response["Error"]["Code"] in _THROTTLED or status in _TRANSIENT_STATUSES


def _snake(name: str) -> str:
    return _WORD.sub("_", name).lower()
