"""Stripe's own client, with time-outs and retries set, and a key that may be replaced."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import stripe
from stripe import StripeClient

from chalicelib.adapters.secrets import FixedSecret, Secret, SecretUnavailableError

#: Together with one retry this stays under the 29 s that API Gateway waits for an answer.
_CONNECT_SECONDS = 3
_READ_SECONDS = 10
_RETRIES = 1

API_KEY = "api_key"
"""The secret's field."""

Answer = tuple[bytes, int, Mapping[str, str]]


def stripe_client(key: str | Secret, api_base: str | None) -> StripeClient:
    """A client that tells nobody about us.

    Telemetry would write a file, and the disk of a Lambda is read-only.
    """
    stripe.enable_telemetry = False
    secret = FixedSecret({API_KEY: lambda: key}) if isinstance(key, str) else key
    http_client = _KeyedClient(secret, timeout=(_CONNECT_SECONDS, _READ_SECONDS))
    # The key itself is put in by the HTTP client, for each request as it then is.
    held = "sk_of_the_http_client"
    if api_base is None:
        return StripeClient(held, max_network_retries=_RETRIES, http_client=http_client)
    return StripeClient(
        held,
        max_network_retries=_RETRIES,
        http_client=http_client,
        base_addresses={"api": api_base},
    )


class _KeyedClient(stripe.RequestsClient):
    """Authorizes each request; when the key was revoked, once more with the one that replaced it.

    Stripe refuses a key before it looks at the request, so that sending it again is the first
    time that it counts.
    """

    def __init__(self, secret: Secret, *, timeout: tuple[float, float]) -> None:
        super().__init__(timeout=timeout)
        self._secret = secret

    def request(  # type: ignore[override]  # as RequestsClient has it
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
    ) -> Answer:
        answer = self._authorized(method, url, headers, post_data)
        if answer[1] == HTTPStatus.UNAUTHORIZED and self._renewed():
            answer = self._authorized(method, url, headers, post_data)
        return answer

    def _authorized(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any
    ) -> Answer:
        authorization = {"Authorization": f"Bearer {self._key()}"}
        return super().request(method, url, {**(headers or {}), **authorization}, post_data)

    def _key(self) -> str:
        try:
            return self._secret.field(API_KEY)
        except SecretUnavailableError as error:
            raise stripe.APIConnectionError(  # type: ignore[no-untyped-call]
                error.reason, should_retry=False
            ) from error

    def _renewed(self) -> bool:
        try:
            return self._secret.renew()
        except SecretUnavailableError:
            return False  # the refusal that led here says enough
