"""A chat request: reserved for, answered, and its usage recorded."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from examples.gateway.prices import NotForSaleError
from examples.gateway.provider import complete, count_tokens
from gateway import (
    CreditsBlockedError,
    CreditsClient,
    CreditsUnavailableError,
    ModelCall,
    format_usd,
)

_MAX_TOKENS = 4096


class RefusedError(Exception):
    """The request is answered with a problem (RFC 9457)."""

    def __init__(self, status: HTTPStatus, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


class Headers(Protocol):
    """The headers of a request, whatever their case; None for one that isn't there."""

    def __getitem__(self, name: str, /) -> str | None:
        """The header's value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """What is asked of which model, and who pays."""

    organization_id: str
    project_id: str | None
    provider: str
    model: str
    prompt: str
    max_tokens: int

    @classmethod
    def read(cls, headers: Headers, body: Any) -> ChatRequest:
        """Read a request; a real gateway learns from its own keys who is calling."""
        try:
            provider, _, model = body["model"].partition("/")
            return cls(
                organization_id=headers["X-Organization-Id"] or "",
                project_id=headers["X-Project-Id"],
                provider=provider,
                model=model,
                prompt="\n".join(message["content"] for message in body["messages"]),
                max_tokens=min(int(body.get("max_tokens", _MAX_TOKENS)), _MAX_TOKENS),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            detail = f"This is not a chat request: {error!r}"
            raise RefusedError(HTTPStatus.BAD_REQUEST, "invalid_request", detail) from error

    def usage(self, *, input_tokens: int, output_tokens: int) -> ModelCall:
        """A call of the model that used so much."""
        units = {"input_tokens": input_tokens, "output_tokens": output_tokens}
        return ModelCall(provider=self.provider, model=self.model, units=units)


def serve(request: ChatRequest, credits_client: CreditsClient) -> dict[str, object]:
    """Reserve, call, record: what every gateway does with each request."""
    try:
        expected = request.usage(
            input_tokens=count_tokens(request.prompt), output_tokens=request.max_tokens
        )
        reserved = credits_client.reserve(
            request.organization_id, expected=expected, project_id=request.project_id
        )
    except CreditsBlockedError as error:
        if error.reason == "suspended":
            detail = "The account is suspended."
            raise RefusedError(HTTPStatus.FORBIDDEN, "forbidden", detail) from error
        available = format_usd(error.available_nanos or 0)
        detail = (
            f"Only {available} USD are available. Requests are blocked until credits are added."
        )
        raise RefusedError(HTTPStatus.PAYMENT_REQUIRED, "insufficient_credits", detail) from error
    except CreditsUnavailableError as error:
        detail = "It can't be told now whether there are credits; please try again."
        raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "busy", detail) from error
    except NotForSaleError as error:
        raise RefusedError(HTTPStatus.NOT_FOUND, "not_found", str(error)) from error
    except ValueError as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "invalid_request", str(error)) from error
    with reserved as call:
        completion = complete(request.prompt, max_tokens=request.max_tokens)
        used = {
            "input_tokens": completion.input_tokens,
            "output_tokens": completion.output_tokens,
        }
        call.record(request.usage(**used))
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "model": f"{request.provider}/{request.model}",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": completion.text},
            }
        ],
        "usage": {
            "prompt_tokens": completion.input_tokens,
            "completion_tokens": completion.output_tokens,
            "total_tokens": completion.input_tokens + completion.output_tokens,
        },
    }
