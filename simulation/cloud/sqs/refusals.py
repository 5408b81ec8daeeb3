"""SQS's refusals, with the codes that botocore gives them."""

from __future__ import annotations

_PREFIX = "AWS.SimpleQueueService."


class SqsError(Exception):
    """A refusal."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def no_queue() -> SqsError:
    """There is no queue at that address."""
    return SqsError(f"{_PREFIX}NonExistentQueue", "The specified queue does not exist.")


def invalid(message: str) -> SqsError:
    """A parameter can't be that."""
    return SqsError("InvalidParameterValue", message)


def missing(name: str) -> SqsError:
    """A parameter is required."""
    return SqsError("MissingParameter", f"The request must contain the parameter {name}.")


def bad_receipt(receipt: str) -> SqsError:
    """That was never a receipt of this queue."""
    return SqsError(
        "ReceiptHandleIsInvalid",
        f'The input receipt handle "{receipt}" is not a valid receipt handle.',
    )


def expired_receipt(receipt: str) -> SqsError:
    """The receipt of a FIFO message is good only while the message is hidden."""
    return invalid(
        f"Value {receipt} for parameter ReceiptHandle is invalid. Reason: The receipt handle has "
        "expired."
    )


def not_in_flight(receipt: str) -> SqsError:
    """The message is visible, or gone."""
    return invalid(
        f"Value {receipt} for parameter ReceiptHandle is invalid. Reason: Message does not exist "
        "or is not available for visibility timeout change."
    )


def bad_batch(code: str, message: str) -> SqsError:
    """A batch can't be that."""
    return SqsError(f"{_PREFIX}{code}", message)
