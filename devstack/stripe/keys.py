"""The account's keys: who is calling, a server or a browser."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

from devstack.stripe.errors import ApiError, Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The secret key, and the publishable one: the same with `pk` for `sk`."""

    secret: str

    @property
    def publishable(self) -> str:
        """The key that pages may know."""
        return self.secret.replace("sk_", "pk_", 1)

    def by_browser(self, headers: Mapping[str, str], raw: Json) -> bool:
        """Whether a browser is calling: one that knows the publishable key only.

        Raises:
            ApiError: 401 without one of this account's keys.
        """
        given = _key_of(headers.get("authorization", "")) or str(raw.get("key", ""))
        if not given:
            raise ApiError(
                401,
                "invalid_request_error",
                "You did not provide an API key. You need to provide your API key in the "
                "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
                "YOUR_SECRET_KEY').",
                remembered=False,
            )
        if given not in (self.secret, self.publishable):
            hidden = f"{given[:8]}{'*' * 8}{given[-4:]}"
            raise ApiError(
                401,
                "invalid_request_error",
                f"Invalid API Key provided: {hidden}",
                remembered=False,
            )
        return given == self.publishable


def _key_of(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return value.strip() if scheme.lower() == "bearer" else ""
