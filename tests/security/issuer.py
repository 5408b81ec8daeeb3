"""An issuer of tokens whose key set tests change, break, and count the questions for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from chalicelib.adapters.jwt_tokens import JwtTokens
from tests.functional.api import AUDIENCE, EC_KEY, ISSUER, claims_of, key_set, sign
from tests.support.loopback import Request, served


class KeyServer:
    """The issuer's pages: `answer` is what its key set's address answers, `asked` how often it was.

    `elsewhere` is an address on the same server that no token may make us ask.
    """

    def __init__(self) -> None:
        self.answer: tuple[int, bytes] = (200, json.dumps(key_set()).encode())
        self.asked = 0
        self.asked_elsewhere: list[str] = []
        self.redirect: str | None = None
        self.url = ""

    @property
    def elsewhere(self) -> str:
        """Another address, where an attacker's keys could be."""
        return self.url.replace("/jwks.json", "/elsewhere.json")

    def publish(self, *keys: dict[str, Any]) -> None:
        """Answer these keys from now on."""
        self.answer = (200, json.dumps({"keys": list(keys)}).encode())


@contextmanager
def serving_keys() -> Iterator[KeyServer]:
    """A running issuer."""
    keys = KeyServer()

    def answer(request: Request) -> None:
        if request.path != "/jwks.json":
            keys.asked_elsewhere.append(request.path)
        else:
            keys.asked += 1
        if keys.redirect and request.path == "/jwks.json":
            request.answer(status=302, Location=keys.redirect)
            return
        status, body = keys.answer
        request.answer(body, status=status)

    with served(answer) as address:
        keys.url = f"{address}/jwks.json"
        yield keys


class Verifier:
    """The application's verifier with a clock that tests set."""

    def __init__(self, keys: KeyServer) -> None:
        self.seconds = 0.0
        self._tokens = JwtTokens(
            issuer=ISSUER, audience=AUDIENCE, jwks_url=keys.url, monotonic=lambda: self.seconds
        )

    def subject(self, token: str) -> object:
        """Who the token says is calling."""
        return self._tokens.claims(token)["sub"]


def new_key(kid: str) -> tuple[ec.EllipticCurvePrivateKey, dict[str, Any]]:
    """A key pair, and its public half as it is published."""
    key = ec.generate_private_key(ec.SECP256R1())
    published = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return key, {**published, "kid": kid, "alg": "ES256", "use": "sig"}


def token(kid: str = "ec", key: Any = EC_KEY, **claims: object) -> str:
    """A token that is accepted, unless something spoils it."""
    return sign(claims_of("acme", "credits:read", **claims), key=key, headers={"kid": kid})
