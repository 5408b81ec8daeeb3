"""Calls the contract's HTTP interface as any client would, for the demo and its organization."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import requests

TIMEOUT_SECONDS = 120.0
Json = dict[str, Any]


class UnexpectedAnswerError(Exception):
    """An interface answered something else than it promises; the text has what it said."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One organization's view of a running stack, with one token."""

    url: str
    organization_id: str
    token: str

    def get(self, path: str, **query: str) -> Json:
        """Read something that is there."""
        return self.call("GET", path, query=query)

    def put(self, path: str, body: Json) -> Json:
        """Replace something."""
        return self.call("PUT", path, body=body)

    def post(self, path: str, body: Json, *, expected: int = 201, key: str = "") -> Json:
        """Make something, with an idempotency key of its own unless one is given."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return self.call("POST", path, body=body, headers=headers, expected=expected)

    def call(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Json | None = None,
        headers: dict[str, str] | None = None,
        expected: int = 200,
    ) -> Json:
        """Call a route of the organization and return its JSON.

        Raises:
            UnexpectedAnswerError: the status is not the expected one.
        """
        url = f"{self.url}/v1/organizations/{self.organization_id}{path}"
        response = request(
            method,
            url,
            params=query,
            json=body,
            headers={
                "Accept": "application/json",
                "Authorization": f"Bearer {self.token}",
                **(headers or {}),
            },
        )
        if response.status_code != expected:
            raise UnexpectedAnswerError(
                f"{method} {path} answered {response.status_code} instead of {expected}: "
                f"{response.text[:500]}",
                status=response.status_code,
            )
        found: Json = response.json() if response.content else {}
        return found


def request(method: str, url: str, **arguments: Any) -> requests.Response:
    """Send one request past every proxy setting, and follow no redirection."""
    with requests.Session() as session:
        session.trust_env = "://127.0.0.1" not in url
        return session.request(
            method, url, timeout=TIMEOUT_SECONDS, allow_redirects=False, **arguments
        )


def confirm_card(
    setup: Json, *, stripe_api_base: str, stripe_api_key: str, payment_method: str
) -> None:
    """Confirm a set-up at Stripe, which a browser does where there is one.

    `setup` is what `POST /payment-methods/setup` answered.

    Raises:
        UnexpectedAnswerError: Stripe did not take the card.
    """
    intent = setup["client_secret"].partition("_secret_")[0]
    response = request(
        "POST",
        f"{stripe_api_base}/v1/setup_intents/{intent}/confirm",
        data={"payment_method": payment_method, "return_url": "https://example.com/done"},
        headers={"Authorization": f"Bearer {stripe_api_key}"},
    )
    if response.status_code != requests.codes.ok or response.json()["status"] != "succeeded":
        raise UnexpectedAnswerError(f"Stripe did not save the card: {response.text[:500]}")
