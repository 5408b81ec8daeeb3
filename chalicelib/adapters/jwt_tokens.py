"""Tokens verified against their issuer's published keys."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import jwt

from chalicelib.adapters.issuer_keys import IssuerKeys, IssuerUnavailableError
from chalicelib.domain.errors import BusyError

#: Clocks of issuers may differ from ours by this much.
_LEEWAY_SECONDS = 30
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
        self._keys = IssuerKeys(jwks_url, monotonic=monotonic)

    def claims(self, token: str) -> Mapping[str, object]:
        """What the token says.

        Raises:
            TokenError: if it can't be trusted.
            BusyError: if the issuer's keys can't be had, for which the caller is not to blame.
        """
        if not token.isascii():
            raise TokenError("it has letters that no token has")
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
        except IssuerUnavailableError as error:
            raise BusyError("The issuer of tokens can't be reached; please try again.") from error
        except jwt.PyJWTError as error:
            raise TokenError(str(error)) from error
        if not claims["sub"]:
            raise TokenError("it says nobody's name, and whatever is done is kept with one")
        return claims

    def _key_of(self, token: str) -> jwt.PyJWK:
        key = self._keys.find(jwt.get_unverified_header(token).get("kid"))
        if key is None:
            raise TokenError("it is signed with an unknown key")
        return key
