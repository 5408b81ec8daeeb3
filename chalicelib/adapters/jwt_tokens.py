"""Tokens verified against their issuer's published keys, which are fetched and kept."""

from __future__ import annotations

from collections.abc import Mapping

import jwt

#: Clocks of issuers may differ from ours by this much.
_LEEWAY_SECONDS = 30
#: How long the issuer's keys are trusted without looking again, and waited for.
_KEYS_SECONDS = 3600
_KEYS_TIMEOUT_SECONDS = 5
#: Of the asymmetric algorithms, those that issuers use; "none" and shared secrets never pass.
_ALGORITHMS = ["RS256", "ES256"]


class TokenError(Exception):
    """The token proves nothing; the message says why."""


class JwtTokens:
    """Verifies signature, issuer, audience and time."""

    def __init__(self, *, issuer: str, audience: str, jwks_url: str) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = jwt.PyJWKClient(
            jwks_url, lifespan=_KEYS_SECONDS, timeout=_KEYS_TIMEOUT_SECONDS
        )

    def claims(self, token: str) -> Mapping[str, object]:
        """What the token says.

        Raises:
            TokenError: if it can't be trusted.
            jwt.PyJWKClientConnectionError: if the issuer's keys can't be had, for which the
                caller is not to blame.
        """
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            claims: dict[str, object] = jwt.decode(
                token,
                key.key,
                algorithms=_ALGORITHMS,
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWKClientConnectionError:
            raise
        except jwt.PyJWTError as error:
            raise TokenError(str(error)) from error
        return claims
