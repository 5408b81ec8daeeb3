"""The refusals that callers meet, each with the stable code of the contract."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """What is wrong with one field of a request."""

    field: str
    detail: str


class CreditsError(Exception):
    """A refusal: the request was understood and is answered with `code` and `detail`.

    `extra` goes into the answer beside them; `replayed` says that it is an earlier answer again.

    Anything else that is raised is a bug, and is answered as one.
    """

    code: str = "internal_error"

    def __init__(
        self,
        detail: str,
        *,
        errors: tuple[FieldError, ...] = (),
        retry_after_seconds: int | None = None,
        extra: dict[str, str] | None = None,
        replayed: bool = False,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.retry_after_seconds = retry_after_seconds
        self.extra = extra or {}
        self.replayed = replayed


class InvalidRequestError(CreditsError):
    """The request can't be read: malformed JSON, an unknown field, a wrong type."""

    code = "invalid_request"


class IdempotencyKeyRequiredError(CreditsError):
    """A request that moves or reserves money came without its key."""

    code = "idempotency_key_required"


class InvalidSignatureError(CreditsError):
    """A webhook whose signature doesn't prove that Stripe sent it."""

    code = "invalid_signature"


class UnauthenticatedError(CreditsError):
    """No token, or one that proves nothing."""

    code = "unauthenticated"


class InsufficientCreditsError(CreditsError):
    """The account can't cover what was asked for."""

    code = "insufficient_credits"


class CardDeclinedError(CreditsError):
    """The bank said no; `extra` has `decline_code` and `purchase_id`."""

    code = "card_declined"


class ForbiddenError(CreditsError):
    """The token is good, but its scope doesn't reach this."""

    code = "forbidden"


class NotFoundError(CreditsError):
    """There is no such thing, or none that the caller may know of."""

    code = "not_found"


class IdempotencyConflictError(CreditsError):
    """The key was used before, for another request."""

    code = "idempotency_conflict"


class RequestInProgressError(CreditsError):
    """The first request with this key is still at work."""

    code = "request_in_progress"


class ConflictError(CreditsError):
    """The request is valid, but not in the state that things are in."""

    code = "conflict"


class ValidationFailedError(CreditsError):
    """The request was read, but fields of it can't be accepted."""

    code = "validation_failed"

    @classmethod
    def of(cls, field: str, detail: str) -> ValidationFailedError:
        """Refuse because of one field."""
        return cls(f"{field}: {detail}", errors=(FieldError(field=field, detail=detail),))


class BusyError(CreditsError):
    """Too much at once, here or at a provider; the same request may succeed later."""

    code = "busy"

    def __init__(self, detail: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(detail, retry_after_seconds=retry_after_seconds)


class TooManyTriesError(CreditsError):
    """The caller tries cards too often; later the same request may succeed."""

    code = "busy"
