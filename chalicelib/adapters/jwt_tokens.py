"""Tokens verified against their issuer's published keys, which are fetched and kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import jwt

from chalicelib.domain.errors import BusyError

#: Clocks of issuers may differ from ours by this much.
_LEEWAY_SECONDS = 30
#: How long the issuer's keys are trusted without looking again, and waited for.
_KEYS_SECONDS = 3600
_KEYS_TIMEOUT_SECONDS = 5
#: A key that isn't known may be new, so the issuer is asked again, but not for every forged token.
_ASK_AGAIN_SECONDS = 30
#: Of the asymmetric algorithms, those that issuers use; "none" and shared secrets never pass.
_ALGORITHMS = ["RS256", "ES256"]


class TokenError(Exception):
    """The token proves nothing; the message says why."""


class JwtTokens:
    """Verifies signature, issuer, audience and time."""

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        jwks_url: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = jwt.PyJWKClient(
            jwks_url, lifespan=_KEYS_SECONDS, timeout=_KEYS_TIMEOUT_SECONDS
        )
        self._monotonic = monotonic
        self._asked_at: float | None = None

    def claims(self, token: str) -> Mapping[str, object]:
        """What the token says.

        Raises:
            TokenError: if it can't be trusted.
            BusyError: if the issuer's keys can't be had, for which the caller is not to blame.
        """
        try:
            claims: dict[str, object] = jwt.decode(
                token,
                # The key with its algorithm: one for RSA is no error of ours on an EC token.
                self._key_of(token),
                algorithms=_ALGORITHMS,
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWKClientConnectionError as error:
            raise BusyError("The issuer of tokens can't be reached; please try again.") from error
        except jwt.PyJWTError as error:
            raise TokenError(str(error)) from error
        return claims

    def _key_of(self, token: str) -> jwt.PyJWK:
        kid = jwt.get_unverified_header(token).get("kid")
        key = _with_id(self._keys.get_signing_keys(), kid)
        if key is None and self._may_ask_again():
            key = _with_id(self._keys.get_signing_keys(refresh=True), kid)
        if key is None:
            raise TokenError("it is signed with an unknown key")
        return key

    def _may_ask_again(self) -> bool:
        now = self._monotonic()
        if self._asked_at is not None and now < self._asked_at + _ASK_AGAIN_SECONDS:
            return False
        self._asked_at = now
        return True


def _with_id(keys: list[jwt.PyJWK], kid: object) -> jwt.PyJWK | None:
    return next((key for key in keys if kid is not None and key.key_id == kid), None)
