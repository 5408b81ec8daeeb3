"""The refusals that Stripe's API gives, in Stripe's own words, codes and JSON shape."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


class ApiError(Exception):
    """A refusal that is answered as Stripe's error JSON with its HTTP status.

    Args:
        status: the HTTP status.
        kind: Stripe's error `type`.
        message: the sentence for a person.
        embedded: whole objects that the error carries, such as the `payment_intent`.
        remembered: whether an idempotency key keeps this answer. Stripe keeps what an endpoint
            answered, declines and 500s included, but not what failed validation.
        fields: further members of the error, such as `code` and `param`.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        remembered: bool = True,
        embedded: Json | None = None,
        **fields: str | None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.remembered = remembered
        self.error: Json = {"type": kind, "message": message}
        self.error.update({name: value for name, value in fields.items() if value is not None})
        self.error.update(embedded or {})
        if "code" in self.error:
            slug = str(self.error["code"]).replace("_", "-")
            self.error["doc_url"] = f"https://stripe.com/docs/error-codes/{slug}"

    def body(self) -> Json:
        """The JSON body of the answer."""
        return {"error": self.error}


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> ApiError:
    """A parameter that is refused before anything happens (400); never remembered by a key."""
    return ApiError(400, "invalid_request_error", message, remembered=False, param=param, code=code)


def refused(
    message: str,
    *,
    code: str | None = None,
    param: str | None = None,
    embedded: Json | None = None,
) -> ApiError:
    """A well-formed request that the object's state does not allow (400)."""
    return ApiError(
        400, "invalid_request_error", message, code=code, param=param, embedded=embedded
    )


def missing(kind: str, object_id: str, *, param: str, status: int = 400) -> ApiError:
    """An id that names nothing: 404 where it is the path's, 400 where it is a parameter."""
    label = kind.replace("payment_method", "PaymentMethod").replace("_", " ")
    label = {"payment intent": "payment_intent", "setup intent": "setupintent"}.get(label, label)
    return ApiError(
        status,
        "invalid_request_error",
        f"No such {label}: '{object_id}'",
        code="resource_missing",
        param=param,
    )


def unknown_url(method: str, path: str) -> ApiError:
    """A route that Stripe, or this small one, does not have."""
    return ApiError(
        404,
        "invalid_request_error",
        f"Unrecognized request URL ({method}: {path}). If you are trying to list objects, remove "
        "the trailing slash. If you are trying to retrieve an object, make sure you passed a "
        "valid (non-empty) identifier in your code.",
        remembered=False,
    )
