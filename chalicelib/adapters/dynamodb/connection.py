"""The connection that all models share: a read that gets no answer in time is "busy", not a bug."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.connection import Connection
from pynamodb.exceptions import PynamoDBException

from chalicelib.domain.errors import BusyError

#: DynamoDB's own refusals that say nothing but "not now", for reads and writes alike.
BUSY_ERRORS = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)
#: A read can be asked for again whatever became of it. Writes say themselves what is known.
_READS = frozenset({"BatchGetItem", "GetItem", "Query", "Scan"})


class SharedConnection(Connection):
    """PynamoDB's connection, which tells an outage from a fault of ours."""

    def _make_api_call(self, operation_name: str, operation_kwargs: dict[str, Any]) -> Any:
        try:
            return super()._make_api_call(operation_name, operation_kwargs)
        except (BotoCoreError, ClientError) as error:
            if operation_name in _READS and _passes(error):
                raise BusyError("The database can't be read now; please try again.") from error
            raise


def code_of(error: PynamoDBException) -> str | None:
    """DynamoDB's code; None if it gave no answer, on which PynamoDB's own property stumbles."""
    answer = getattr(error.cause, "response", None) or {}
    code: str | None = answer.get("Error", {}).get("Code")
    return code


def _passes(error: BotoCoreError | ClientError) -> bool:
    """Whether the same request may be answered a moment later; botocore has tried it thrice."""
    return isinstance(error, BotoCoreError) or error.response["Error"]["Code"] in BUSY_ERRORS
