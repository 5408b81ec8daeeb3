"""The application in this process behind the local gateway, with an issuer of tokens of its own."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode
from wsgiref.types import StartResponse

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app import app
from chalicelib.wiring import Services, graph, services
from devstack.emulator import Emulator
from devstack.gateway import Gateway
from devstack.invocation import Function
from devstack.stripe.server import LocalStripe
from tests.contract.databases import in_environment
from tests.support.loopback import Request, served
from tests.support.stack import NOBODY

ISSUER = "https://issuer.example"
AUDIENCE = "gateway-credits"
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
GATEWAY = Gateway(app, Function(name="api_handler", handler=app, timeout_seconds=30, memory_mb=512))


def key_set() -> dict[str, Any]:
    """The issuer's public keys, one of each kind that is allowed."""
    elliptic = jwt.algorithms.ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True)
    rsa_public = jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True)
    return {
        "keys": [
            {**elliptic, "kid": "ec", "alg": "ES256", "use": "sig"},
            {**rsa_public, "kid": "rsa", "alg": "RS256", "use": "sig"},
        ]
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered; every refusal has been checked to be a problem."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a refusal."""
        return str(self.json()["code"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The application. `call` sends a request; `token` is for an organization and scopes."""

    stripe: LocalStripe

    @property
    def services(self) -> Services:
        """The application's object graph."""
        return services()

    def token(self, organization_id: str = "acme", scope: str = "", **claims: object) -> str:
        """A token that is accepted, unless `claims` spoil it."""
        return sign(claims_of(organization_id, scope, **claims))

    def call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        raw: bytes | None = None,
        scope: str | None = None,
        token: str | None = None,
        key: str | None = None,
        query: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request to an organization's route, or to the path itself if it begins with `//`.

        With `scope` it comes with a token of that organization.
        """
        organization_id, _, rest = path.partition("/")
        uri = f"/v1/organizations/{organization_id}/{rest}" if organization_id else path[1:]
        if scope is not None:
            token = self.token(organization_id, scope)
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if key is not None:
            sent["Idempotency-Key"] = key
        if query is not None:
            uri += f"?{urlencode(cast('Any', query))}"
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        answer = _send(method, uri, sent, content)
        if answer.status >= 400:
            _require_problem(answer)
        return answer

    def card(self, organization_id: str, test_card: str = "pm_card_visa") -> str:
        """A saved card of an organization that has billing details."""
        scope = "credits:read credits:write"
        details = {
            "name": "Acme GmbH",
            "address": {"line1": "1 St", "city": "Rome", "postal_code": "1", "country": "IT"},
        }
        self.call("PUT", f"{organization_id}/billing-details", body=details, scope=scope)
        self.call("POST", f"{organization_id}/payment-methods/setup", scope=scope)
        customer_id = self.services.customers.get(organization_id).customer_id
        payments = cast("Any", self.services.payments)
        intent = payments._api.setup_intents.create(
            params={
                "customer": customer_id,
                "payment_method": test_card,
                "confirm": True,
                "usage": "off_session",
                "allowed_payment_method_types": ["card"],
            }
        )
        return str(intent.payment_method)

    def fund(self, organization_id: str, amount: str) -> None:
        """Credits, bought."""
        bought = self.call(
            "POST",
            f"{organization_id}/purchases",
            body={"amount": amount, "payment_method_id": self.card(organization_id)},
            scope="credits:write",
            key=f"fund-{uuid.uuid4()}",
        )
        assert bought.status == 201, bought.body


def claims_of(organization_id: str, scope: str, **claims: object) -> dict[str, object]:
    """The contract's claims; one that is given as None is left out."""
    now = 4_000_000_000  # far away: nothing here depends on the day
    whole = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ada",
        "exp": now,
        "org_id": organization_id,
        "scope": scope,
        **claims,
    }
    return {name: value for name, value in whole.items() if value is not None}


def sign(
    claims: dict[str, object],
    *,
    key: Any = EC_KEY,
    algorithm: str = "ES256",
    headers: Mapping[str, object] | None = None,
) -> str:
    """A signed token."""
    header = {"kid": "ec" if algorithm == "ES256" else "rsa", **(headers or {})}
    kept = {name: value for name, value in header.items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers=kept)


@contextmanager
def running_api(emulator: Emulator, **environment: str) -> Iterator[Api]:
    """The application with tables, queues and a Stripe of its own."""
    with _serving_keys() as jwks_url, LocalStripe() as stripe:
        given = {
            **NOBODY,
            "JWT_ISSUER": ISSUER,
            "JWT_AUDIENCE": AUDIENCE,
            "JWT_JWKS_URL": jwks_url,
            "STRIPE_API_KEY": stripe.api_key,
            "STRIPE_API_BASE": stripe.url,
            "STRIPE_WEBHOOK_SECRETS": stripe.webhook_secrets[0],
            "NO_PROXY": "127.0.0.1",
            **environment,
        }
        with in_environment(emulator.account(given=given).environment):
            graph.cache_clear()
            try:
                yield Api(stripe=stripe)
            finally:
                graph.cache_clear()


def _answer_keys(request: Request) -> None:
    request.answer(json.dumps(key_set()).encode(), Content_Type="application/json")


@contextmanager
def _serving_keys() -> Iterator[str]:
    with served(_answer_keys) as address:
        yield f"{address}/jwks.json"


def _send(method: str, uri: str, headers: Mapping[str, str], content: bytes) -> Answer:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "REQUEST_URI": uri,
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.input": io.BytesIO(content),
    }
    for name, value in headers.items():
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
    if content:
        environ["CONTENT_TYPE"] = "application/json"
    started: list[tuple[int, dict[str, str]]] = []

    def start_response(status: str, answered: list[tuple[str, str]], *_: object) -> Any:
        started.append((int(status.partition(" ")[0]), dict(answered)))

    body = b"".join(GATEWAY(environ, cast("StartResponse", start_response)))
    ((status, answered),) = started
    return Answer(status=status, headers=answered, body=body)


def _require_problem(answer: Answer) -> None:
    """Every refusal is a problem as RFC 9457 has it, and tells nobody of our insides."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer
    problem = answer.json()
    assert {"type", "title", "status", "detail", "code"} <= problem.keys()
    assert problem["status"] == answer.status
    for error in problem.get("errors", ()):
        assert error.keys() == {"field", "detail"}
    for inside in (b"Traceback", b'File "', b"chalicelib", b"botocore", b"Error("):
        assert inside not in answer.body
