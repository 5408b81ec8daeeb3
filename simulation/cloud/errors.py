"""What clients raise: the services' own refusals, and what can go wrong on the way to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

#: No address: a request that is lost never got anywhere.
_NOWHERE = "memory://nowhere"
_NO_REASON = {"Code": "None"}


def refusal(
    code: str,
    message: str,
    *,
    operation: str,
    status: int = 400,
    **more: Any,
) -> ClientError:
    """What botocore makes of an answer that says no; `more` is what the error has besides."""
    metadata = {"HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0}
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": metadata,
        "message": message,
        **more,
    }
    return ClientError(answer, operation)


def canceled(reasons: Sequence[Mapping[str, Any]], *, operation: str) -> ClientError:
    """What a transaction that was not committed says of each of its items, in their order."""
    codes = ", ".join(str(reason["Code"]) for reason in reasons)
    message = (
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    )
    return refusal(
        "TransactionCanceledException",
        message,
        operation=operation,
        Message=message,
        CancellationReasons=[dict(reason) for reason in reasons],
    )


def conflict(operation: str, params: Mapping[str, Any], *, item: int = 0) -> ClientError:
    """What a request meets whose item (the one with that number) is in another's transaction."""
    text = "Transaction is ongoing for the item"
    if operation not in {"TransactWriteItems", "TransactGetItems"}:
        return refusal("TransactionConflictException", text, operation=operation)
    reasons: list[Mapping[str, Any]] = [_NO_REASON] * len(params["TransactItems"])
    reasons[item] = {"Code": "TransactionConflict", "Message": text}
    return canceled(reasons, operation=operation)


def throttled(operation: str) -> ClientError:
    """What a table says that is asked for more than it can do now."""
    return refusal("ThrottlingException", "Rate of requests exceeds the limit", operation=operation)


def unavailable(operation: str) -> ClientError:
    """What a service says that has failed; it may or may not have done what was asked."""
    return refusal("InternalServerError", "Internal server error", operation=operation, status=500)


def answer_lost() -> ReadTimeoutError:
    """What a client sees when no answer comes."""
    return ReadTimeoutError(endpoint_url=_NOWHERE)


def request_lost() -> ConnectTimeoutError:
    """What a client sees that doesn't reach the service."""
    return ConnectTimeoutError(endpoint_url=_NOWHERE)
